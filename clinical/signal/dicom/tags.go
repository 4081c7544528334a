package dicom

// tag is a data element's group and number: 0x00080060 is (0008,0060).
type tag uint32

// The tags that are read, by their keywords in PS3.6.
const (
	tagTransferSyntax    tag = 0x00020010
	tagCharacterSet      tag = 0x00080005
	tagStudyDate         tag = 0x00080020
	tagAcquisitionDate   tag = 0x00080022
	tagAcquisitionMoment tag = 0x0008002A // AcquisitionDateTime
	tagAcquisitionTime   tag = 0x00080032
	tagModality          tag = 0x00080060
	tagManufacturer      tag = 0x00080070
	tagCodeValue         tag = 0x00080100
	tagCodeScheme        tag = 0x00080102
	tagProcedureCodes    tag = 0x00081032 // ProcedureCodeSequence
	tagModelName         tag = 0x00081090
	tagBodyPart          tag = 0x00180015
	tagSliceThickness    tag = 0x00180050
	tagViewPosition      tag = 0x00185101
	tagLaterality        tag = 0x00200060
	tagImageLaterality   tag = 0x00200062
	tagSamplesPerPixel   tag = 0x00280002
	tagFrames            tag = 0x00280008
	tagRows              tag = 0x00280010
	tagColumns           tag = 0x00280011
	tagPixelSpacing      tag = 0x00280030
	tagBitsStored        tag = 0x00280101
	tagBurnedIn          tag = 0x00280301
	tagLossy             tag = 0x00282110

	tagItem        tag = 0xFFFEE000
	tagItemEnd     tag = 0xFFFEE00D
	tagSequenceEnd tag = 0xFFFEE0DD
)

// wanted is what is kept of a data set, and of the items of its procedure codes.
var wanted = map[tag]bool{
	tagTransferSyntax: true, tagCharacterSet: true, tagStudyDate: true, tagAcquisitionDate: true, tagAcquisitionMoment: true,
	tagAcquisitionTime: true, tagModality: true, tagManufacturer: true, tagModelName: true, tagBodyPart: true,
	tagSliceThickness: true, tagViewPosition: true, tagLaterality: true, tagImageLaterality: true, tagSamplesPerPixel: true,
	tagFrames: true, tagRows: true, tagColumns: true, tagPixelSpacing: true, tagBitsStored: true, tagBurnedIn: true, tagLossy: true,
}
