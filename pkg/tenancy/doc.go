// Package tenancy says on whose behalf requests to a cluster are made. A client
// configuration cannot be had without an Identity, and the zero Identity is
// refused: client-go sends a request without impersonation headers when user and
// groups are empty, which would act with the controller's own rights.
//
// There are two identities: the controller's own, and a ServiceAccount that is
// impersonated. Only the user name of the ServiceAccount is sent. The API server
// adds the groups that the name stands for, which are all ServiceAccounts, those
// of the namespace, and whoever is authenticated; naming them here would need the
// right to impersonate groups and could only get them wrong.
//
// An impersonated ServiceAccount need not exist: the API server asks whether the
// name may be impersonated and what it may do, not whether there is one. Exists
// answers that, for the deletion of what a removed tenant left behind.
package tenancy
