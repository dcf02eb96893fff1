package portal

func (s *Server) securityRoutes() []route { return nil }
