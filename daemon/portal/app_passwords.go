package portal

const pathAppPasswords = "/app-passwords"

func (s *Server) appPasswordRoutes() []route { return nil }
