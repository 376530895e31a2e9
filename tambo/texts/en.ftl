tambo-front-lead = This body answers other bodies for you, so that you don't carry papers from one office to another.
tambo-front-verify = Verify a document
tambo-front-log = See the transparency log
tambo-front-sign-in = Sign in
