"""Sentences for development: the rules were tuned on them. {slot} draws a value; <text> looks like an identifier and is none."""

EN = [
    "Patient: {P.full}. MRN: {mrn}. DOB: {date}. Phone {phone}.",
    "{P.full} is a {old}-year-old woman who was admitted on {date} with fever and confusion.",
    "Mr. {P.last} was seen by Dr. {D.full} in the emergency department on {date}.",
    "His wife {R.full} can be reached at {phone} or {email}.",
    "Home address: {address}, CA {zip}.",
    "SSN {ssn}, insurance policy number {policy}, account number {account}.",
    "I discussed the plan with {R.full}, the daughter of the patient, who agrees.",
    "Attending physician: {D.full}, MD. Dictated {date}.",
    "Dr. {D.last} was paged at 03:15 and came at once.",
    "The infusion pump, serial number {serial}, was replaced.",
    "Results were sent to {email} and are at {url}.",
    "Driver's license {licence}; passport no. {passport}; licence plate {plate}.",
    "Login from {ip} at 10:30:45. Card {card} was charged.",
    "NAME: {P.upper}   MRN {mrn}   ADMITTED: {date}",
    "{P.reversed} was transferred to the ICU on {date}. Mrs. {R.last} was told.",
    "Call {R.given} ({phone}) before discharge.",
    "Signed electronically by {D.initialled}, RN, on {date}.",
    "She lives at {address}, NY {zip} with her son {S.full}.",
    "{P.last} tolerated the procedure well. {P.last} will be seen again on {date}.",
    "Emergency contact: {R.full}, {phone}. PCP: Dr. {D.full}.",
    "Referred by {D.full}, NP, on {date}; fax {phone}.",
]

EN_HARD = [
    "<Parkinson's disease> and <Crohn's disease> are stable. <Foley> catheter in place.",
    "History of <Hodgkin lymphoma>; <Kaposi sarcoma> was ruled out. <Glasgow Coma Scale> <15>.",
    "Given <Lipitor> <40> mg, <Lasix> <20> mg and <Lactated Ringer's> <1000> mL.",
    "BP <120/80>, HR <88>, SpO2 <97>%, temperature <37.2>. WBC <12.5> x<10^9>/L, platelets <250000>/uL.",
    "<Chief Complaint>: chest pain. <Past Medical History>: <Type 2 Diabetes>, <Graves disease>.",
    "ICD-10 <E11.9>, LOINC <8867-4>, SNOMED <73211009>. Heparin <5000> units twice daily.",
    "Murmur <2/6>, strength <5/5>, pain <4/10>, vision <20/20>. Epinephrine <1:10000>.",
    "<Staphylococcus aureus> grew from both bottles. <Vancomycin> trough <15.2>.",
    "Disc bulge at <L4-L5> and <C5-C6>. <HLA-B27> negative. A <67>-year-old man.",
    "<Wernicke encephalopathy> was considered; <Babinski> sign absent. NT-proBNP <12345> pg/mL.",
]

ZH = [
    "姓名：{P.full}，性别：男，身份证号：{resident}，联系电话：{phone}。",
    "患者{P.full}，男，{old}岁，因“发热3天”于{date}入院。",
    "家属{R.full}（电话{phone}）已签署知情同意书。",
    "住址：{address}，邮编：{zip}。",
    "住院号：{mrn}，医保卡号：{policy}，银行账号：{account}。",
    "主治医师：{D.full}。记录时间：{date}。",
    "{D.last}医生查房后指示继续抗感染治疗。",
    "患者之子{S.full}，微信号：{wechat}，邮箱：{email}。",
    "护照号{passport}，车牌号{plate}，设备序列号{serial}。",
    "报告见{url}，登录地址{ip}。银行卡号{card}。",
    "{P.full}女士诉胸闷，{date}复查心电图。",
    "其妻{R.full}述，患者{date}起咳嗽，家住{address}。",
    "{D.full}主任医师会诊，{E.full}护士执行医嘱。",
    "联系人：{R.full}，手机：{phone}，关系：配偶。",
    "今日与{P.full}的丈夫{R.full}沟通病情。",
    "记录者：{D.full}  审核者：{E.full}  {date}",
    "病人{P.full}由{D.full}医师收治，转入重症医学科。",
]

ZH_HARD = [
    "诊断：<帕金森病>，<克罗恩病>，<高血压>3级。",
    "予<青霉素><800万>单位静滴，<阿司匹林><100>mg口服，<何首乌>泡茶。",
    "血压<120/80>mmHg，心率<88>次/分，白细胞<12.5>×<10^9>/L，血小板<250000>/uL。",
    "<金黄色葡萄球菌>阳性，<万古霉素>敏感。<巴氏征>阴性。",
    "<黄疸>消退，<白内障>术后，<马来酸>依那普利继续。患者<67>岁。",
    "<于是>停用<王不留行>，改<石膏>固定。<格拉斯哥>评分<15>分。",
    "医嘱编码<E11.9>，<方便>时复查，<胡萝卜>素正常，<安全>带伤。",
]
