package portal

const pathDevices = "/devices"

func (s *Server) deviceRoutes() []route { return nil }
