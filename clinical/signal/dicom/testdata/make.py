"""Writes this folder's files with the Python package pydicom 3.0.2.

python -m venv venv && venv/bin/pip install pydicom==3.0.2 && venv/bin/python make.py

Images and persons are made up here; the persons are named for a test to see that no name is read.
"""
import os

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit

os.chdir(os.path.dirname(os.path.abspath(__file__)))


def base(modality):
    d = Dataset()
    d.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    d.SOPInstanceUID = d.StudyInstanceUID = d.SeriesInstanceUID = "1.2.3.4.5.6.7.8"
    d.Modality = modality
    d.PatientName = "Madeup^Wilhelmina"
    d.PatientID = "PATCODE77"
    d.PatientBirthDate = "19530917"
    d.InstitutionName = "Hospital Madeup"
    d.ReferringPhysicianName = "Physician^Madeup"
    d.StudyDescription = "typed by Someone"
    d.AccessionNumber = "ACCESSION88"
    d.StudyDate, d.AcquisitionDate, d.AcquisitionTime = "20310314", "20310315", "220507.250000"
    d.Manufacturer, d.ManufacturerModelName, d.DeviceSerialNumber = "Example Medical", "XR-5", "SERIAL66"
    d.Rows, d.Columns, d.BitsAllocated, d.BitsStored, d.HighBit, d.SamplesPerPixel = 4, 6, 16, 12, 11, 1
    d.PixelRepresentation, d.PhotometricInterpretation = 0, "MONOCHROME2"
    private = d.private_block(0x0011, "MADE UP", create=True)
    private.add_new(1, "LO", "Private Wilhelmina")
    return d


def procedure(d, undefined):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "36572-6", "LN", "typed by Someone"
    inner = Dataset()
    inner.CodeValue, inner.CodingSchemeDesignator = "NESTED", "99X"
    item.ConceptNameCodeSequence = Sequence([inner])
    item.is_undefined_length_sequence_item = undefined
    d.ProcedureCodeSequence = Sequence([item])
    d["ProcedureCodeSequence"].is_undefined_length = undefined
    step = Dataset()
    step.CodeValue, step.Modality, step.BodyPartExamined = "WRONG", "ZZ", "FOOT"
    step.is_undefined_length_sequence_item = undefined
    d.RequestAttributesSequence = Sequence([step])
    d["RequestAttributesSequence"].is_undefined_length = undefined


def save(name, d, syntax):
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = syntax
    d.save_as(name, enforce_file_format=True, implicit_vr=None)


d = base("DX")
d.BodyPartExamined, d.ViewPosition, d.ImageLaterality, d.BurnedInAnnotation = "CHEST", "PA", "L", "YES"
d.PixelSpacing = [0.139, 0.14]
procedure(d, undefined=False)
d.PixelData = bytes(48)
save("explicit.dcm", d, ExplicitVRLittleEndian)

d = base("CT")
d.BodyPartExamined, d.SliceThickness, d.NumberOfFrames = "HEAD", 1.25, 3
procedure(d, undefined=True)
d.PixelData = bytes(144)
save("implicit.dcm", d, ImplicitVRLittleEndian)

d = base("US")
d.LossyImageCompression = "01"
procedure(d, undefined=True)
d.PixelData = encapsulate([b"\xff\xd8 no picture \xff\xd9"])
d["PixelData"].is_undefined_length = True
save("jpeg.dcm", d, JPEGBaseline8Bit)

d = base("MR")
d.PixelData = bytes(48)
save("big.dcm", d, ExplicitVRBigEndian)

d = base("SR")
del d.Rows
d.SpecificCharacterSet, d.Manufacturer = "ISO_IR 192", "示例医疗"
save("report.dcm", d, ExplicitVRLittleEndian)
