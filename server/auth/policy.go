package auth

import (
	"maps"
	"slices"
)

// rule says who may make a call, and whether it is written into the audit log. Refused calls always are.
type rule struct {
	roles   []Role
	open    bool // to whoever asks, recognised or not
	audited bool
}

var (
	anyone     = rule{open: true}
	everyRole  = rule{roles: Roles()}
	patients   = rule{roles: []Role{Clinician}, audited: true}
	records    = rule{roles: []Role{Clinician, Integrator}, audited: true}
	feeding    = rule{roles: []Role{Integrator}, audited: true}
	operating  = rule{roles: []Role{Operator}, audited: true}
	inspecting = rule{roles: []Role{Operator, Auditor}}
)

// policy is who may do what. A call that does not stand here is refused; a test holds that every one stands here.
var policy = map[string]rule{
	// Asking about patients.
	"/bedside.v1.ClinicalService/SummarizeRecord":       patients,
	"/bedside.v1.ClinicalService/StreamSummarizeRecord": patients,
	"/bedside.v1.ClinicalService/SuggestDiagnoses":      patients,
	"/bedside.v1.ClinicalService/SuggestTreatments":     patients,
	"/bedside.v1.KnowledgeGraphService/Neighbours":      patients,
	"/bedside.v1.KnowledgeGraphService/ShortestPath":    patients,
	"/bedside.v1.KnowledgeGraphService/MatchPattern":    patients,
	"/bedside.v1.KnowledgeGraphService/SimilarPatients": patients,
	"/bedside.v1.KnowledgeGraphService/Search":          patients,
	"/bedside.v1.KnowledgeGraphService/Render":          patients,
	"/bedside.v1.KnowledgeGraphService/IngestRecord":    records,
	"/bedside.v1.KnowledgeGraphService/ReadNotes":       records,
	"/bedside.v1.PreparationService/PrepareRecords":     records,
	"/bedside.v1.PreparationService/DescribeSignal":     records,
	"/bedside.v1.PreparationService/Deidentify":         records,
	"/bedside.v1.GenerationService/Generate":            records,
	"/bedside.v1.GenerationService/StreamGenerate":      records,
	"/bedside.v1.GenerationService/Score":               records,
	"/bedside.v1.GenerationService/Tokenize":            records,
	"/bedside.v1.EmbeddingService/Embed":                records,
	"/inference.GRPCInferenceService/ModelInfer":        records,
	"/inference.GRPCInferenceService/ModelStreamInfer":  records,
	"/bedside.v1.KnowledgeGraphService/ImportTriples":   feeding,
	"/bedside.v1.KnowledgeGraphService/Export":          feeding,

	// Running the server.
	"/bedside.v1.ModelService/LoadModel":                           operating,
	"/bedside.v1.ModelService/UnloadModel":                         operating,
	"/inference.GRPCInferenceService/RepositoryModelLoad":          operating,
	"/inference.GRPCInferenceService/RepositoryModelUnload":        operating,
	"/inference.GRPCInferenceService/TraceSetting":                 operating,
	"/inference.GRPCInferenceService/LogSettings":                  operating,
	"/inference.GRPCInferenceService/SystemSharedMemoryStatus":     operating,
	"/inference.GRPCInferenceService/SystemSharedMemoryRegister":   operating,
	"/inference.GRPCInferenceService/SystemSharedMemoryUnregister": operating,
	"/inference.GRPCInferenceService/CudaSharedMemoryStatus":       operating,
	"/inference.GRPCInferenceService/CudaSharedMemoryRegister":     operating,
	"/inference.GRPCInferenceService/CudaSharedMemoryUnregister":   operating,
	"/inference.GRPCInferenceService/ModelStatistics":              inspecting,
	"/grpc.channelz.v1.Channelz/GetTopChannels":                    inspecting,
	"/grpc.channelz.v1.Channelz/GetServers":                        inspecting,
	"/grpc.channelz.v1.Channelz/GetServer":                         inspecting,
	"/grpc.channelz.v1.Channelz/GetServerSockets":                  inspecting,
	"/grpc.channelz.v1.Channelz/GetChannel":                        inspecting,
	"/grpc.channelz.v1.Channelz/GetSubchannel":                     inspecting,
	"/grpc.channelz.v1.Channelz/GetSocket":                         inspecting,

	// What there is, for every role.
	"/bedside.v1.ModelService/ListModels":                            everyRole,
	"/bedside.v1.ModelService/WatchModels":                           everyRole,
	"/inference.GRPCInferenceService/ModelReady":                     everyRole,
	"/inference.GRPCInferenceService/ServerMetadata":                 everyRole,
	"/inference.GRPCInferenceService/ModelMetadata":                  everyRole,
	"/inference.GRPCInferenceService/ModelConfig":                    everyRole,
	"/inference.GRPCInferenceService/RepositoryIndex":                everyRole,
	"/grpc.health.v1.Health/List":                                    everyRole,
	"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      everyRole,
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": everyRole,

	// Probes and load balancers have no credentials; what they learn is that the server is up.
	"/grpc.health.v1.Health/Check":                anyone,
	"/grpc.health.v1.Health/Watch":                anyone,
	"/inference.GRPCInferenceService/ServerLive":  anyone,
	"/inference.GRPCInferenceService/ServerReady": anyone,
}

// Audited says whether a call is written into the audit log when it is let through.
func Audited(method string) bool {
	r, known := policy[method]
	return r.audited || !known
}

// Allowed gives the roles that may make a call, and whether anyone may.
func Allowed(method string) (roles []Role, open bool) {
	return policy[method].roles, policy[method].open
}

// permit refuses a call that an identity may not make.
func permit(method string, id *Identity) error {
	r, known := policy[method]
	switch {
	case known && (r.open || id.has(r.roles)):
		return nil
	case !known || len(r.roles) == 0:
		return denied("this call is open to nobody")
	case len(id.Roles) == 0:
		return denied("the caller is known but has no role here; this call needs one of: %s", names(r.roles))
	}
	return denied("this call needs one of the roles: %s", names(r.roles))
}

// Methods lists the calls that have a rule.
func Methods() []string { return slices.Sorted(maps.Keys(policy)) }

// Known says whether a call is one that there is.
func Known(method string) bool {
	_, known := policy[method]
	return known
}
