package portal

func (s *Server) passwordRoutes() []route { return nil }
