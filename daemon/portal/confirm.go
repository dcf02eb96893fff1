package portal

func (s *Server) confirmRoutes() []route { return nil }
