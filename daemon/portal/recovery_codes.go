package portal

func (s *Server) recoveryCodeRoutes() []route { return nil }
