package portal

func (s *Server) signInCodeRoutes() []route { return nil }
