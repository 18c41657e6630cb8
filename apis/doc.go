// Package apis holds no code of its own: its tests hold the definitions of all
// kinds against the contract of the Flux API in testdata/contract.tsv.
package apis
