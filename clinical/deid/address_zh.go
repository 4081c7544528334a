package deid

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Address of China: areas from the largest to the street, then numbers down to the room.
var (
	areaZH   = re(`^\p{Han}{0,7}?(?:自治区|特别行政区|自治州|自治县|开发区|新区|街道|社区|小区|花园|公寓|大厦|广场|家园|山庄|名府|胡同|大道|大街|省|市|区|县|旗|盟|州|镇|乡|村|屯|庄|路|街|巷|弄|道|里|苑|园|府|城|湾|坊|村委会)`)
	doorZH   = re(`^[ ]?(?:[0-9０-９A-Za-z一二三四五六七八九十百]+(?:[-－—][0-9A-Za-z]+)*\s?(?:号院|号楼|号|弄|栋|幢|座|单元|室|楼|层|组|段|巷|街|路|户|门|期|区|房|队|社|院|支弄)?)`)
	addrCue  = re(`(?:现住址|家庭住址|家庭地址|户籍地址|户口地址|工作单位|通讯地址|联系地址|寄送地址|收货地址|住址|地址|家住|现居住于|现居于|居住于|现居|现住|住在|住于|户籍|籍贯|来自|暂住)\s*(?:为|是|：|:|地|于|在)?\s*`)
	endsArea = re(`(?:市|县|区|旗|镇|乡)$`)
	roadZH   = re(`[\p{Han}]{2,6}(?:路|大道|大街|街|巷|弄|胡同)\d+(?:号|弄)`)
	townZH   = re(`[\p{Han}]{2,4}?(?:市|县|自治州)[\p{Han}]{2,6}?(?:区|县|镇|乡|街道|路|街)`)
)

func (s *scanner) addressesZH() {
	s.each(addrCue, func(m []int) { s.addressFrom(m[1], true) })
	for place := range vocab().citiesZH {
		for at := 0; ; {
			i := strings.Index(s.text[at:], place)
			if i < 0 {
				break
			}
			s.addressFrom(at+i, false)
			at += i + len(place)
		}
	}
	s.each(roadZH, func(m []int) { s.addressFrom(m[0], true) })
	s.each(townZH, func(m []int) { s.addressFrom(m[0], false) })
}

// addressFrom takes the address that begins at a place: two parts and more, or one where something says that it is one.
func (s *scanner) addressFrom(start int, cued bool) {
	at, parts, doors := start, 0, 0
	for at < len(s.text) && parts < 16 {
		rest := head(s.text, at, 96)
		for !utf8.ValidString(rest) { // cut within a character
			rest = rest[:len(rest)-1]
		}
		if m := doorZH.FindString(rest); m != "" && parts > 0 {
			at += len(m)
			parts, doors = parts+1, doors+1
			continue
		}
		m := areaZH.FindString(rest)
		if m == "" || doors > 0 && !endsDoor(m, rest) {
			if place := longestPlace(rest); place != "" && parts == 0 {
				at += len(place)
				parts++
				continue
			}
			break
		}
		at += len(m)
		parts++
	}
	if parts >= 2 || parts == 1 && cued && endsArea.MatchString(s.text[start:at]) || cued && parts >= 1 && doors > 0 {
		s.add(Address, start, at, scoreAddress)
	}
}

// endsDoor says whether what follows a number may still be part of an address: another block of houses.
func endsDoor(m, rest string) bool {
	if utf8.RuneCountInString(m) > 6 {
		return false
	}
	return slices.ContainsFunc([]string{"小区", "花园", "公寓", "大厦", "广场", "家园", "山庄", "苑", "村", "园", "府", "城"}, func(x string) bool { return strings.HasSuffix(m, x) }) &&
		doorZH.MatchString(rest[len(m):])
}

func longestPlace(rest string) string {
	best := ""
	for place := range vocab().citiesZH {
		if strings.HasPrefix(rest, place) && len(place) > len(best) {
			best = place
		}
	}
	return best
}
