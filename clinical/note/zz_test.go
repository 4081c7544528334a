package note
import ("testing";"os";"bufio";"encoding/json";"fmt";"strings";"github.com/bedside-lm/bedside/clinical/terms";"sort")
func TestBase(t *testing.T){
 for _,part:=range []string{"train","validation"}{
 f,_:=os.Open("/tmp/notes/notes-"+part+".jsonl"); sc:=bufio.NewScanner(f); sc.Buffer(nil,1<<20)
 type st struct{tp,fp,fn int}
 by:=map[string]*st{}; get:=func(k string)*st{ if by[k]==nil{by[k]=&st{}}; return by[k]}
 loose,looseHit,cand,n,forms,formb:=0,0,0,0,0,0
 missed:=map[string]int{}; junk:=map[string]int{}
 pieces:=map[int]int{}
 for sc.Scan() && n<4000 {
  var e struct{Prompt,Answer,Language string}; json.Unmarshal(sc.Bytes(),&e); n++
  ps:=Pieces(e.Prompt); pieces[len(ps)]++
  gold:=map[string]int{}; goldLoose:=map[string]bool{}
  found:=map[string]bool{}; cands:=map[string]bool{}
  have:=map[string]int{}
  for i:=range ps { p:=&ps[i]
   for _,m:=range p.Found{found[m.Of(p.Text)]=true}
   for _,m:=range p.Loose{cands[m.Of(p.Text)]=true; cand++}
   forms++; formb+=len(p.Form)
   for _,l:=range strings.Split(Write(p.Text,p.Lang,Rules(p)),"\n"){ if l!=""{have[strings.TrimSpace(l)]++} }
  }
  for _,l:=range strings.Split(e.Answer,"\n"){ if l==""{continue}; l=strings.TrimSpace(l); gold[l]++; nm:=strings.Split(l,"|")[0]; if !found[nm]{ loose++; if cands[nm]{looseHit++}else{missed[nm]++}; goldLoose[nm]=true } }
  for c:=range cands{ if !goldLoose[c]{junk[c]++} }
  named:=func(l string)bool{return strings.Contains(l,"|named|")||strings.Contains(l,"|提及|")}
  for l,k:=range gold{ h:=min(k,have[l]); r:=strings.Split(l,"|")[1]; if named(l){ get("named"+e.Language).tp+=h; get("named"+e.Language).fn+=k-h; continue}; get(e.Language).tp+=h; get(e.Language).fn+=k-h; get(r).tp+=h; get(r).fn+=k-h }
  for l,k:=range have{ h:=min(k,gold[l]); r:=strings.Split(l,"|")[1]; if named(l){continue}; get(e.Language).fp+=k-h; get(r).fp+=k-h }
 }
 _ = terms.English
 fmt.Println(part,n,"loose",loose,"hit",looseHit,"cands",cand,"forms",forms,"avg",formb/max(1,forms),"pieces",pieces)
 for k,s:=range by{ fmt.Printf("%s p %.3f r %.3f f1 %.3f (%d)\n",k,float64(s.tp)/float64(s.tp+s.fp),float64(s.tp)/float64(s.tp+s.fn),2*float64(s.tp)/float64(2*s.tp+s.fp+s.fn),s.tp+s.fn)}
 top:=func(m map[string]int){ var ks []string; for k:=range m{ks=append(ks,k)}; sort.Slice(ks,func(i,j int)bool{return m[ks[i]]>m[ks[j]]}); for i,k:=range ks{ if i>40{break}; fmt.Print(k,":",m[k]," ")}; fmt.Println()}
 fmt.Print("missed "); top(missed); fmt.Print("junk "); top(junk)
 }
}
