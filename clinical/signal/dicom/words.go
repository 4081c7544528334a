package dicom

// word is a term in English and Chinese.
type word struct{ en, zh string }

// modalities are the defined terms of Modality (PS3.3 section C.7.3.1.1.1) that are images, and the
// most usual of those that are not.
var modalities = map[string]word{
	"CR": {"computed radiography", "计算机X线摄影"}, "DX": {"digital radiography", "数字X线摄影"},
	"RG": {"radiographic imaging", "X线摄影"}, "MG": {"mammography", "乳腺X线摄影"}, "PX": {"panoramic X-ray", "全景X线摄影"},
	"IO": {"intra-oral radiography", "口内X线摄影"}, "RF": {"radiofluoroscopy", "X线透视"}, "XA": {"X-ray angiography", "X线血管造影"},
	"CT": {"computed tomography", "计算机断层扫描"}, "MR": {"magnetic resonance imaging", "磁共振成像"},
	"US": {"ultrasound", "超声"}, "IVUS": {"intravascular ultrasound", "血管内超声"}, "NM": {"nuclear medicine", "核医学"},
	"PT": {"positron emission tomography", "正电子发射断层扫描"}, "BMD": {"bone densitometry", "骨密度测定"},
	"ES": {"endoscopy", "内镜"}, "XC": {"photography", "外部摄影"}, "DMS": {"dermoscopy", "皮肤镜"}, "SM": {"slide microscopy", "切片显微镜"},
	"GM": {"general microscopy", "普通显微镜"}, "OP": {"ophthalmic photography", "眼科摄影"}, "OPT": {"ophthalmic tomography", "眼科断层成像"},
	"OCT": {"optical coherence tomography", "光学相干断层成像"}, "ECG": {"electrocardiography", "心电图"},
	"RTIMAGE": {"radiotherapy image", "放射治疗图像"}, "OT": {"other", "其他"}, "SR": {"structured report", "结构化报告"},
	"SEG": {"segmentation", "分割"}, "DOC": {"document", "文档"}, "PR": {"presentation state", "显示状态"},
}

// bodyParts are the usual values of Body Part Examined (PS3.16 annex L).
var bodyParts = map[string]word{
	"ABDOMEN": {"abdomen", "腹部"}, "ANKLE": {"ankle", "踝"}, "ARM": {"arm", "手臂"}, "BRAIN": {"brain", "脑"}, "BREAST": {"breast", "乳腺"},
	"CSPINE": {"cervical spine", "颈椎"}, "CHEST": {"chest", "胸部"}, "ELBOW": {"elbow", "肘"}, "EYE": {"eye", "眼"},
	"EXTREMITY": {"extremity", "四肢"}, "FEMUR": {"femur", "股骨"}, "FOOT": {"foot", "足"}, "HAND": {"hand", "手"}, "HEAD": {"head", "头部"},
	"HEART": {"heart", "心脏"}, "HIP": {"hip", "髋"}, "KIDNEY": {"kidney", "肾"}, "KNEE": {"knee", "膝"}, "LEG": {"leg", "小腿"},
	"LIVER": {"liver", "肝"}, "LSPINE": {"lumbar spine", "腰椎"}, "LUNG": {"lung", "肺"}, "NECK": {"neck", "颈部"}, "PELVIS": {"pelvis", "骨盆"},
	"SHOULDER": {"shoulder", "肩"}, "SKULL": {"skull", "颅骨"}, "SPINE": {"spine", "脊柱"}, "TSPINE": {"thoracic spine", "胸椎"},
	"WHOLEBODY": {"whole body", "全身"}, "WRIST": {"wrist", "腕"},
}

// views are the defined terms of View Position (PS3.3 section C.8.7.8) that are most usual.
var views = map[string]word{
	"AP": {"anterior to posterior", "前后位"}, "PA": {"posterior to anterior", "后前位"}, "LL": {"left lateral", "左侧位"},
	"RL": {"right lateral", "右侧位"}, "LATERAL": {"lateral", "侧位"}, "RLD": {"right lateral decubitus", "右侧卧位"},
	"LLD": {"left lateral decubitus", "左侧卧位"}, "RLO": {"right lateral oblique", "右侧斜位"}, "LLO": {"left lateral oblique", "左侧斜位"},
	"CC": {"cranio-caudal", "头尾位"}, "MLO": {"medio-lateral oblique", "内外斜位"}, "ML": {"medio-lateral", "内外侧位"},
}

var sides = map[string]word{
	"R": {"right", "右侧"}, "L": {"left", "左侧"}, "B": {"both sides", "双侧"}, "U": {"unpaired", "不成对"},
}

// keys are the findings' names.
var keys = map[string]word{
	"modality": {"modality", "检查方式"}, "body-part": {"body part", "检查部位"}, "view": {"view", "投照体位"}, "laterality": {"side", "侧别"},
	"columns": {"columns", "列数"}, "rows": {"rows", "行数"}, "frames": {"frames", "帧数"}, "bits": {"bits stored", "存储位数"},
	"samples-per-pixel": {"samples per pixel", "每像素采样数"}, "pixel-spacing": {"pixel spacing", "像素间距"},
	"slice-thickness": {"slice thickness", "层厚"}, "acquired": {"acquired", "采集时间"}, "manufacturer": {"manufacturer", "制造商"},
	"model": {"model", "型号"}, "procedure-code": {"procedure code", "检查项目代码"},
}

func (w word) in(chinese bool) string {
	if chinese {
		return w.zh
	}
	return w.en
}
