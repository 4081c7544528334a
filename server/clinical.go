package server

import (
	"github.com/bedside-lm/bedside/server/config"

	bedsidev1 "github.com/bedside-lm/bedside/proto/bedside/v1"
)

type clinicalService struct {
	bedsidev1.UnimplementedClinicalServiceServer
	models *models
}

func newClinicalService(m *models, _ config.Config) *clinicalService { return &clinicalService{models: m} }
