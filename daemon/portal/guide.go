package portal

const pathGuide = "/guide"

func (s *Server) guideRoutes() []route { return nil }
