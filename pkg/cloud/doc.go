// Package cloud reaches clusters that a ConfigMap names: by their address or
// their name at a cloud provider, with tokens of the controller's identity or of
// a ServiceAccount in the namespace of the object. Who gets a token for what is
// decided by github.com/fluxcd/pkg/auth; what is added here is that
//
//   - every value of the ConfigMap is checked before anybody is asked, and errors
//     name its key,
//   - a Target keeps its token until four fifths of its life have passed, so that
//     a request to the cluster costs no look-up of a ServiceAccount; it is renewed
//     while requests go on, is replaced when the server takes it no more, and a
//     renewal that fails does no harm while the old token is good,
//   - a token of the controller's own ServiceAccount that would open the cluster
//     the controller runs in is not sent anywhere, whatever audiences a ConfigMap
//     asks for,
//   - a cluster that moved, or has another certificate authority, makes its Target
//     outdated instead of leading to errors until a restart.
//
// Without serviceAccountName the cloud providers are asked with the identity of
// the controller, and who writes both address and ca.crt says where that token
// goes. Installations with tenants set --default-kubeconfig-service-account, which
// leaves every namespace with identities of its own.
//
// What cloud providers answer is trusted. Their endpoints follow from names that
// were checked, and are reached by their own libraries, because the metadata
// addresses that pkg/egress refuses are among them.
package cloud
