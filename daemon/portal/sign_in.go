package portal

func (s *Server) signInRoutes() []route { return nil }
