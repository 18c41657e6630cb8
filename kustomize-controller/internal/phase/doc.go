// Package phase holds the steps by which a Kustomization becomes objects in a
// cluster. Each is a type in the file of its name; list.go has them in order:
//
//	accept        refuse what no pass could do anything about
//	source        which artifact is there to apply?
//	dependencies  may the unit proceed?
//	references    which versions are there of what the spec refers to?
//	cluster       where is the unit applied, and as whom?
//	inputs        did anything change that could change the outcome? no: done
//	build         artifact → objects
//	plan          objects × ledger × live state → what to do
//	apply         do it, stage by stage
//	prune         keep and delete what is no longer desired
//	health        wait until the objects are healthy
//
// finalize takes the place of all of them when the Kustomization is deleted.
package phase
