package reference

// Kinds of objects that a unit refers to for their content.
const (
	KindSecret    = "Secret"
	KindConfigMap = "ConfigMap"
)

// Reference is a ConfigMap or Secret whose content a unit works with.
type Reference struct {
	// Field is the path of the reference, as in "spec.decryption.secretRef", or the
	// flag of the controller.
	Field string
	// Kind is KindSecret or KindConfigMap.
	Kind            string
	Namespace, Name string
	// Optional tolerates that the object does not exist.
	Optional bool
}

// String names the reference and the object.
func (r Reference) String() string {
	return r.Field + ": " + r.Kind + " " + r.Namespace + "/" + r.Name
}
