"""Sentences of the test, written before the rules were measured on them; no rule was changed for them since."""

EN = [
    "Re: {P.full}, date of birth {date}, medical record number {mrn}.",
    "I saw your patient {P.full} together with his wife {R.full} on {date}.",
    "{P.full} is {old} years old and lives alone at {address}, GA {zip}.",
    "Telephone call from {R.full} at {phone}: Mrs. {P.last} has not eaten since {date}.",
    "Informed consent obtained from {R.full} (daughter) by Dr. {D.full}.",
    "Anesthesiologist: {E.full}, MD. Assistant: {F.full}, PA-C.",
    "Claim for {P.full}, member number {policy}, account no. {account}.",
    "SSN: {ssn}. Passport: {passport}. License number {licence}.",
    "The ventilator with serial {serial} reports to {ip}.",
    "Letter sent to {email} on {date}; copy at {url}.",
    "Police brought him in after a crash; his car has the plate {plate}.",
    "Paid with credit card {card}.",
    "Report dictated by {D.full}, transcribed by {E.full} on {date}.",
    "{P.last} was extubated on {date}; {P.last} is alert.",
    "Name: {P.reversed}    Phone: {phone}    MRN: {mrn}",
    "Physical therapist {E.full} worked with Ms. {P.last} today.",
    "Her brother {R.full} and her neighbor {S.full} visited.",
    "Pharmacist {F.full} was consulted about the interaction.",
    "Follow-up with Dr. {D.initialled} on {date}. Call {phone} with questions.",
    "Electronically signed: {D.full}, MD, {date}",
    "Spoke to {R.given}, his son, on the phone.",
    "We thank Dr. {D.last} for this referral of {P.full}.",
]

EN_HARD = [
    "<Cushing disease> was excluded, <Sheehan syndrome> is possible, <Addison disease> is not.",
    "<Brudzinski sign> and <Kernig sign> absent; <Tinel sign> positive; <McMurray test> negative.",
    "On <Keppra> <500> mg, <Dilantin> <100> mg and <Ativan> <2> mg; <Precedex> at <0.4> mcg/kg/h.",
    "Ferritin <1820> ng/mL, LDH <845> U/L, INR <2.4>, platelets <98000>/uL, BNP <2210> pg/mL.",
    "<Past Surgical History>: appendectomy. <Physical Exam>: normal. <Hospital Course>: uneventful.",
    "Coded as <I21.4> and <Z95.5>, RxNorm <1049502>, trial <NCT02345678>, LOINC <6598-7>.",
    "TIMI <3> flow, Killip class <2>, GCS <14/15>, reflexes <2/4>, ratio <1:160>.",
    "<Enterococcus faecalis> and <Candida glabrata> from the line; <Proteus mirabilis> from urine.",
    "Pain at <T8> radiating to <T10>; stenosis of the <RCA>; pump firmware <3.2.1.9>.",
    "<Barrett esophagus>, <Meckel diverticulum>, <Crohn disease> and <Whipple disease> in the differential.",
    "A <Foley> catheter, a <Penrose> drain and a <Quinton> catheter were removed. He is <77> years old.",
]

# Measured once, and the rules tuned on them since.
ZH_THIRD = [
    "关于：{P.full}，出生于{date}，病案号{mrn}。",
    "今日与患者{P.full}及其妻子{R.full}面谈，{date}再约。",
    "{P.full}，{old}岁，独居于{address}，邮政编码：{zip}。",
    "{R.full}来电（{phone}）称患者自{date}起未进食。",
    "手术知情同意由女儿{R.full}签字，谈话医生{D.full}。",
    "麻醉医师：{E.full}；第一助手：{F.full}。",
    "医保编号{policy}，账号{account}，身份证号码{resident}。",
    "护照：{passport}，微信：{wechat}，电子邮箱：{email}。",
    "呼吸机序列号{serial}，上报地址{ip}，详见{url}。",
    "肇事车辆车牌号{plate}，由民警{E.full}送来。",
    "信用卡{card}已支付。",
    "记录：{D.full}，{date}。复核：{E.full}。",
    "{P.full}于{date}拔管，{P.full}神志清楚。",
    "姓名：{P.full}  电话：{phone}  住院号：{mrn}",
    "康复师{E.full}协助{P.last}女士下床活动。",
    "患者哥哥{R.full}、邻居{S.full}前来探视。",
    "临床药师{F.full}会诊，建议调整剂量。",
    "请{D.full}医师随访，有事拨打{phone}。",
    "电子签名：{D.full} {date}",
    "感谢{D.last}主任转诊{P.full}。",
    "护理员{E.full}报告，{P.full}夜间烦躁。",
]

ZH_THIRD_HARD = [
    "排除<库欣病>，<希恩综合征>可能，<艾迪生病>不支持。",
    "<布氏征>、<克氏征>阴性，<蒂内尔征>阳性。",
    "予<左乙拉西坦><500>mg，<苯妥英><100>mg，<右美托咪定><0.4>μg/kg/h。",
    "铁蛋白<1820>ng/mL，乳酸脱氢酶<845>U/L，血小板<98000>/μL，利钠肽<2210>pg/mL。",
    "<既往史>：阑尾切除。<体格检查>：正常。<诊疗经过>：顺利。",
    "编码<I21.4>，<Z95.5>，试验<NCT02345678>，LOINC <6598-7>。",
    "TIMI血流<3>级，Killip <2>级，评分<14/15>，滴度<1:160>。",
    "<粪肠球菌>、<光滑念珠菌>，<奇异变形杆菌>尿培养阳性。",
    "<巴雷特食管>，<梅克尔憩室>，<惠普尔病>待排，患者<77>岁。",
    "<全身>麻醉，<左肺>手术，<高度>怀疑<黄疸>，<应用><石膏>，<金属>异物。",
]

ZH = [
    "会诊记录：{D.full}，{date}。受邀科室医师{E.full}已到场。",
    "死者{P.full}，生前住{address}，公民身份号码{resident}。",
    "其弟{R.full}于{date}代办手续，联系电话{phone}。",
    "听力师{E.full}测试后，{P.last}先生佩戴助听器。",
    "转诊单：{P.full}，医疗保险号{policy}，病历号{mrn}。",
    "{P.full}今早由志愿者{S.full}送回病房。",
    "家长{R.full}诉患儿{P.full}夜间哭闹。",
    "邮件{email}，网址{url}，终端{ip}。",
    "车主{R.full}，号牌{plate}。护照号：{passport}。",
    "采血护士{E.full}，标本送检{date}。",
    "患者{P.full}的主管医生为{D.full}，分机联系{phone}。",
    "营养师{F.full}建议低盐饮食；{P.last}女士同意。",
    "学生{P.full}，{date}军训时晕厥，班主任{S.full}陪诊。",
    "{old}岁的{P.full}由养老院护工{R.full}送来。",
    "登记人：{E.full}　核对人：{F.full}　日期：{date}",
]

ZH_HARD = [
    "考虑<桥本病>，<格雷夫斯病>，<贝赫切特综合征>，<巴宾斯基征>阴性。",
    "予<阿奇霉素><500>mg、<孟鲁司特>、<布地奈德>雾化；<白蛋白><38>g/L。",
    "<单纯>性阑尾炎，<何时>进食遵医嘱，<马上>复查，<时有>恶心，<高热>已退。",
    "<方法>：<常规>消毒，<严格>无菌，<安全>核查，<包扎>固定，<温度><36.8>℃。",
    "血糖<7.8>mmol/L，甲胎蛋白<1210>ng/mL，评分<3/5>，<尤其>夜间。",
]
