package cohort

import (
	"context"
	"io"

	"github.com/bedside-lm/bedside/clinical/record"
)

// other takes the pieces of formats that know their patients by themselves.
func (r *reader) other(_ context.Context, _ io.Reader, i int) error {
	return &JobError{"inputs", r.inputs[i].Name + ": this format is not read"}
}

func assembleOther(_ []Item, _ names, _ *Job) (*record.PatientRecord, error) {
	return nil, errDamaged
}
