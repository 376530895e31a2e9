tambo-front-lead = Esta entidad responde a otras entidades por ti, para que no tengas que llevar papeles de una oficina a otra.
tambo-front-verify = Verificar un documento
tambo-front-log = Ver el registro de transparencia
tambo-front-sign-in = Entrar
