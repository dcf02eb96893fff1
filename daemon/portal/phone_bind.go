package portal

func (s *Server) phoneBindRoutes() []route { return nil }
