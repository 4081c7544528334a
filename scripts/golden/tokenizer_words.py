"""The words, units and sentence patterns that tokenizer_corpus.py builds its strings from."""

from __future__ import annotations

import random

# fmt: off
UNITS = [
    "mmol/L", "µmol/L", "μmol/L", "mg/dL", "g/L", "ng/mL", "pg/mL", "IU/L", "mIU/L", "10^9/L", "×10⁹/L", "x10*12/L", "fL", "%", "‰", "°C", "℃", "°F",
    "mmHg", "kPa", "cmH₂O", "bpm", "次/分", "L/min", "mL/kg/h", "µg/kg/min", "mg·kg⁻¹", "kg/m²", "mEq/L", "s", "ms", "mV", "µV", "Hz", "Ω", "片", "毫克", "",
]
LABS = [
    "HR", "SpO2", "SpO₂", "BP", "MAP", "RR", "Temp", "T", "WBC", "Hb", "PLT", "CRP", "PCT", "K+", "Na⁺", "Cl-", "HCO3-", "Ca2+", "Glucose", "Cr", "eGFR",
    "BUN", "ALT", "AST", "INR", "D-dimer", "cTnI", "NT-proBNP", "PaO2/FiO2", "pH", "lactate", "HbA1c", "心率", "血压", "血氧", "体温", "白细胞", "血糖", "肌酐", "乳酸",
]
DRUGS = ["norepinephrine", "aspirin", "metoprolol", "piperacillin-tazobactam", "furosemide", "insulin glargine", "heparin", "ceftriaxone", "amiodarone", "阿司匹林", "胰岛素", "去甲肾上腺素"]
FINDINGS = ["sepsis", "community-acquired pneumonia", "STEMI", "acute kidney injury (KDIGO 2)", "COPD exacerbation", "type 2 diabetes mellitus", "atrial fibrillation", "heart failure (NYHA III)", "pulmonary embolism"]
FINDINGS_ZH = ["脓毒症", "社区获得性肺炎", "急性心肌梗死", "急性肾损伤", "慢性阻塞性肺疾病急性加重", "2型糖尿病", "心房颤动", "心力衰竭", "肺栓塞"]

SENTENCES_EN = [
    "The patient is a {age}-year-old {sex} admitted with {finding}.",
    "{lab} was {number} {unit} at {clock}, falling to {small} {unit} after {drug}.",
    "On {day}, the monitor showed {lab} {number}; no arrhythmia was seen over {age} hours.",
    "Give {drug} {number} mg IV q{small}h, then re-check {lab}.",
    "Impression: {finding}; rule out {finding2}.\nPlan:\n 1. {drug}\n 2. Repeat {lab} in {small} h",
    "Denies chest pain, SOB, N/V/D. PMHx: {finding}, {finding2}. NKDA.",
    "Ventilator: FiO2 0.{age}, PEEP {small} cmH2O, tidal volume {number} mL ({small} mL/kg).",
    "Don't stop {drug}; the patient's {lab} isn't stable (they'd risen by {small}.{age}%).",
    "SUMMARY\t{lab}\t{number}\t{unit}\r\nNEXT\t{lab2}\t{small}\t{unit2}\r\n",
    "GCS {small}/15 (E{small}V{small}M{small}), pupils equal & reactive @ {clock}.",
    "Bed #{age}: alarm \"{lab} > {number}\" acknowledged by R.N. J. O'Neill --- see note [{small}].",
    "  {finding}   with   {finding2} . ",
    "Ms. {name}, MRN {mrn}, was transferred to the ICU at {clock} on {day}.",
]
SENTENCES_ZH = [
    "患者{age}岁，{sex_zh}，因“{finding_zh}”于{day}入院。",
    "{lab}：{number}{unit}，较前{trend}，建议复查{lab2}。",
    "给予{drug}{number}mg静脉滴注，每{small}小时一次。",
    "诊断：{finding_zh}；鉴别诊断：{finding2_zh}、其他待排。",
    "{clock}监护仪示心率{number}次/分，血压{number}/{age}mmHg，SpO₂ {age}%。",
    "既往有{finding_zh}病史{small}年，否认药物过敏史。",
    "体温{age}.{small}℃，呼吸{small}次/分；神志清楚，对答切题！",
    "【出院小结】住院号：{mrn}　姓名：{name}　性别：{sex_zh}　年龄：{age}岁",
    "處方：{drug} {small} 片，每日兩次（飯後）。",
    "呼吸机参数：FiO2 {age}%、PEEP {small} cmH2O，潮气量{number}ml。",
    "1、{finding_zh}\n2、{finding2_zh}\n　　{lab}＝{number}（{unit}）↑",
    "医生说：‘注意{lab}变化’……家属表示理解？",
]
CODE = [
    '{{"resourceType":"Observation","code":"{lab}","value":{number},"unit":"{unit}"}}',
    "MSH|^~\\&|MON|ICU|||{mrn}||ORU^R01|{age}|P|2.5\rOBX|1|NM|{lab}||{number}|{unit}|||||F",
    "<value value=\"{number}\"/>\n    <unit>{unit}</unit>\n\t</Observation>",
    "if hr > {number} {{\n\t\treturn fmt.Errorf(\"%s: %d\", name, {small})\n}}\n",
    "https://example.org/fhir/Patient/{mrn}?_count={age}&code={lab}#x",
    "| {lab} | {number} | {unit} |\n|---|---:|:---|\n",
    "// {finding} -> {drug}; i++ != j[{small}] ## **bold** __x__ ~~no~~ `{lab}`",
]
EMOJI = [
    "😷", "🤒", "💊", "🩺", "🏥", "❤️", "❤", "👩‍⚕️", "👨🏽‍⚕️", "👨‍👩‍👧‍👦", "🧑🏿‍🦽", "🏳️‍🌈", "🇨🇳", "🇬🇧", "1️⃣", "#️⃣", "👍🏻", "🫀", "🫁", "🧬", "☠️", "⚠️", "✅", "🩸", "🙂‍↔️", "\u200d", "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
]
SPACES = [" ", "\t", "\n", "\r\n", "\r", "\u00a0", "\u3000", "\u2003", "\u2009", "\u202f", "\u200b", "\u2028", "\u0085", "\u1680", "\v", "\f", "\u205f", "\ufeff"]
SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<reponame>", "<file_sep>", "<filename>", "<gh_stars>", "<issue_start>",
    "<issue_comment>", "<issue_closed>", "<jupyter_start>", "<jupyter_text>", "<jupyter_code>", "<jupyter_output>", "<jupyter_script>", "<empty_output>",
]
SCRIPTS = [
    "Пациент", "температура", "пульс 72", "ασθενής", "καρδιά", "المريض", "ضغط الدم", "מטופל", "रोगी", "रक्तचाप", "ผู้ป่วย", "ความดันโลหิต", "환자", "혈압",
    "患者さん", "体温は", "ケツアツ", "ﾊｲｴﾝ", "bệnh nhân", "İstanbul ığdır", "Ärztin", "naïve", "señal", "œdème", "Łódź", "ß", "ﬁbrillation", "Ⅷ", "ǅ", "հիվանդ",
    "ავადმყოფი", "ታካሚ", "ᠡᠪᠡᠳᠴᠢᠲᠡᠨ", "ལྷ་ས", "𝓗𝓮𝓪𝓻𝓽", "𝟙𝟚", "𠮷野家", "ꙮ", "ʻokina", "¿qué?", "«oui»", "ÿ", "௧௨", "໑໒",
]
NAMES = ["张伟", "王秀英", "欧阳娜娜", "O'Brien", "García-López", "van der Berg", "Smith", "Nguyễn Thị Hoa", "Zoë"]
# fmt: on


def fill(rng: random.Random) -> dict[str, str]:
    """Values for every field that a sentence pattern may name."""
    return {
        "age": str(rng.randrange(18, 99)),
        "small": str(rng.randrange(1, 16)),
        "number": str(rng.randrange(30, 400)),
        "mrn": str(rng.randrange(10**7, 10**8)),
        "clock": f"{rng.randrange(24):02}:{rng.randrange(60):02}",
        "day": f"20{rng.randrange(10, 30)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}",
        "sex": rng.choice(["man", "woman", "M", "F"]),
        "sex_zh": rng.choice(["男", "女"]),
        "name": rng.choice(NAMES),
        "lab": rng.choice(LABS),
        "lab2": rng.choice(LABS),
        "unit": rng.choice(UNITS),
        "unit2": rng.choice(UNITS),
        "drug": rng.choice(DRUGS),
        "finding": rng.choice(FINDINGS),
        "finding2": rng.choice(FINDINGS),
        "finding_zh": rng.choice(FINDINGS_ZH),
        "finding2_zh": rng.choice(FINDINGS_ZH),
        "trend": rng.choice(["升高", "下降", "无明显变化"]),
    }
