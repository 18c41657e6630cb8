// Package snapshot keeps what was pruned, so that it can be created again for a
// day. A snapshot is written before the first object is deleted: a stream of YAML
// documents, compressed, in one or several Secrets beside the unit.
//
//	kubectl -n NS get secret -l capstan.dev/snapshot=ID \
//	  -o go-template='{{range .items}}{{index .data "objects.yaml.gz" | base64decode}}{{end}}' |
//	  gunzip | kubectl create -f -
//
// Objects are kept without what the server and controllers wrote into them.
// Secrets are left out unless the operator says that Secrets are encrypted at
// rest: a copy of one would live on after the Secret was deleted for a reason.
//
// The store writes and collects under the controller's own identity. Nothing is
// asked of the server while no snapshot has expired.
package snapshot
