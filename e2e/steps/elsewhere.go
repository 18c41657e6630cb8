package steps

// Elsewhere starts another cluster, with a namespace that is named as the scene's, and puts its kubeconfig into a Secret
// here. The verbs about objects of the scene that is returned are about objects there.
func (s *Scene) Elsewhere(secret string) *Scene {
	s.t.Helper()
	s.log("  starting another cluster")
	neighbour, err := s.world.Neighbour(s.t.Context())
	s.must("starting another cluster", err)
	there := *s
	there.client = neighbour.Client
	there.must("making a namespace", there.client.Create(s.t.Context(), Namespace(s.Namespace)))
	s.Create(SecretWith(secret, map[string]string{"value": string(neighbour.Kubeconfig)}))
	return &there
}
