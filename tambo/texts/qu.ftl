tambo-front-lead = Kay wasiqa qanrayku huk wasikunaman kutichin, ama qillqakunata apaykachanaykipaq.
tambo-front-verify = Qillqata chiqaqchay
tambo-front-log = Ch'uya qillqata qhaway
tambo-front-sign-in = Haykuy
