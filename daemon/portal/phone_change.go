package portal

func (s *Server) phoneChangeRoutes() []route { return nil }
