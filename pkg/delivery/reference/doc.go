// Package reference knows the ConfigMaps and Secrets that specs refer to: which
// version of each there is, without asking, and their content, read once for each
// version however many units want it.
//
// Versions come from a watch of metadata by name. What may not be watched is read
// in every pass instead.
package reference
