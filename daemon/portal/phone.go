package portal

func (s *Server) phoneRoutes() []route { return nil }
