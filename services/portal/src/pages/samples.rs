//! One sample of each page's values, for rendering every page in every language.

use kernel::Moment;
use web::parts::Tone;

use crate::domain::{Ask, ClockView, FactState, FactView, Holds, Question};
use crate::views::{
    Acts, CaseCard, CaseView, CheckSection, CheckView, DeskPage, DeskView, EventView, FileView,
    Filter, LookView, LooksView, ObservationView, ProcedureCard, ProcedureView, ReceiptView,
    SilenceView, Stage, StepView,
};

/// 2026-11-23 10:12 in Lima.
const NOW: Moment = Moment::from_seconds(1_795_446_720);
const EVIDENCE: &str = "d41c7f0e-5b7a-4c2b-9a51-0e1f6f3b2a90";

pub fn clock(used: u32) -> ClockView {
    let due = NOW.plus_seconds(13 * 86_400);
    ClockView {
        presented: NOW,
        due,
        days: 10,
        used,
        paused: false,
        over: false,
    }
}

pub fn card() -> ProcedureCard {
    ProcedureCard {
        code: "licencia-de-funcionamiento".into(),
        title: "Obtener licencia de funcionamiento".into(),
        purpose: "Para abrir un restaurante, tienda, taller u otro negocio en el distrito.".into(),
        days: (2, 4),
        cost: Some(("S/ 42.00".into(), "S/ 180.50".into())),
    }
}

pub fn procedure() -> ProcedureView {
    let strings = |items: &[&str]| items.iter().map(ToString::to_string).collect::<Vec<_>>();
    ProcedureView {
        card: card(),
        result: "La licencia de funcionamiento, firmada y verificable, sin vencimiento.".into(),
        known: vec![
            (
                "RENIEC".into(),
                strings(&["Sus nombres y apellidos", "Si vive"]),
            ),
            (
                "SUNAT".into(),
                strings(&["Razón social", "Estado y condición del RUC", "Actividad"]),
            ),
            (
                "SUNARP".into(),
                strings(&["Si usted representa a la empresa"]),
            ),
        ],
        asked: strings(&["RUC", "Dirección del local", "Área", "Aforo"]),
        needs: strings(&["Declaración jurada de condiciones de seguridad"]),
        rights: strings(&["Nadie puede pedirle papeles que ya tiene el Estado."]),
        steps: strings(&["El negocio", "El local", "Seguridad", "Revisar y presentar"]),
        law: vec![(
            "Ley 28976, art. 8".into(),
            "La licencia se otorga con evaluación previa y silencio positivo.".into(),
        )],
        silence: SilenceView::Positive,
        decided_by: "Municipalidad Distrital de Ollantaytambo".into(),
        draft: None,
    }
}

pub fn facts() -> Vec<FactView> {
    let signed = |label: &str, value: &str, authority: &str| FactView {
        label: label.into(),
        value: value.into(),
        authority: authority.into(),
        state: FactState::Signed {
            at: NOW,
            evidence: EVIDENCE.into(),
        },
    };
    vec![
        signed("Nombres y apellidos", "Rosa Quispe Mamani", "RENIEC"),
        signed("Razón social", "SUMAQ MIKHUNA E.I.R.L.", "SUNAT"),
        FactView {
            state: FactState::Refused {
                reason: "La firma de la respuesta no es válida.".into(),
            },
            ..signed("Estado del contribuyente", "", "SUNAT")
        },
        FactView {
            state: FactState::Waiting,
            ..signed("Poder vigente", "", "SUNARP")
        },
        FactView {
            state: FactState::Nothing,
            ..signed("Aforo anterior", "", "Municipalidad")
        },
    ]
}

pub fn question(name: &str, label: &str, ask: Ask) -> Question {
    Question {
        name: name.into(),
        label: label.into(),
        hint: String::new(),
        ask,
        answer: Vec::new(),
        error: None,
        optional: false,
    }
}

pub fn step() -> StepView {
    let line = Ask::Line {
        max: 120,
        holds: Holds::Words,
    };
    let one = Ask::One(vec![
        ("rest".into(), "Restaurante".into()),
        ("shop".into(), "Tienda".into()),
    ]);
    let mut area = question(
        "area",
        "Área del local",
        Ask::Line {
            max: 6,
            holds: Holds::Amount,
        },
    );
    area.hint = "En metros cuadrados.".into();
    area.error = Some("Escriba el área como número entero, por ejemplo 85.".into());
    area.answer = vec!["ochenta".into()];
    let file = Ask::File {
        accept: ".pdf,.jpg,.png".into(),
    };
    let mut optional = question("plan", "Croquis del local", file);
    optional.optional = true;
    StepView {
        procedure: card().title,
        address: "/drafts/01/local".into(),
        place: (2, 4),
        title: "El local".into(),
        intro: "Cuéntenos dónde abrirá.".into(),
        facts: facts().into_iter().take(2).collect(),
        questions: vec![
            question("address", "Dirección del local", line),
            area,
            question("kind", "Qué abrirá", one),
            question("music", "¿Habrá música en vivo?", Ask::YesNo),
            question("since", "Desde cuándo", Ask::Date),
            question("more", "Describa la actividad", Ask::Lines { max: 500 }),
            optional,
        ],
        kept: true,
        back: "/drafts/01/negocio".into(),
        whose: "m4rk".into(),
        then: String::new(),
    }
}

pub fn check() -> CheckView {
    let line = || Ask::Line {
        max: 120,
        holds: Holds::Words,
    };
    CheckView {
        procedure: card().title,
        address: "/drafts/01/file".into(),
        token: "t0k3n".into(),
        sections: vec![
            CheckSection {
                title: "El negocio".into(),
                change: "/drafts/01/negocio".into(),
                facts: facts().into_iter().take(2).collect(),
                answers: vec![(question("ruc", "RUC", line()), "20999000018".into())],
            },
            CheckSection {
                title: "El local".into(),
                change: "/drafts/01/local".into(),
                facts: Vec::new(),
                answers: vec![
                    (
                        question("address", "Dirección del local", line()),
                        "Calle del Medio 105".into(),
                    ),
                    (question("area", "Área", line()), String::new()),
                ],
            },
        ],
        applicant: "Rosa Quispe Mamani".into(),
    }
}

pub fn receipt() -> ReceiptView {
    ReceiptView {
        case: "/cases/01K".into(),
        number: "2026-000123".into(),
        procedure: card().title,
        applicant: "Rosa Quispe Mamani".into(),
        presented: NOW,
        counted_on: NOW.plus_seconds(86_400),
        clock: clock(0),
        silence: SilenceView::Positive,
        code: "7KQ4-M2XD-9TFA".into(),
        verify: "https://ollantaytambo.example/verify/7KQ4-M2XD-9TFA".into(),
        pdf: Some("/documents/01K".into()),
        waiting: 1,
    }
}

pub fn case_card(stage: Stage, used: u32, number: u32) -> CaseCard {
    let over = stage >= Stage::Granted;
    let paused = stage == Stage::Observed;
    CaseCard {
        address: format!("/cases/{number}"),
        number: if stage == Stage::Draft {
            String::new()
        } else {
            format!("2026-{number:06}")
        },
        procedure: card().title,
        applicant: "Rosa Quispe Mamani".into(),
        about: "Sumaq Mikhuna".into(),
        stage,
        clock: (stage != Stage::Draft).then(|| ClockView {
            over,
            paused,
            ..clock(used)
        }),
        changed: NOW,
        waiting: usize::from(number == 7),
    }
}

pub fn cards() -> Vec<CaseCard> {
    [
        (Stage::Draft, 0),
        (Stage::Observed, 3),
        (Stage::Filed, 1),
        (Stage::Review, 8),
        (Stage::Review, 10),
        (Stage::Granted, 6),
        (Stage::Denied, 9),
    ]
    .into_iter()
    .zip(1_u32..)
    .map(|((stage, used), number)| case_card(stage, used, number))
    .collect()
}

pub fn case(stage: Stage) -> CaseView {
    let event = |tone, what: &str, detail: &str| EventView {
        at: NOW,
        tone,
        what: what.into(),
        who: "Marco Salas Bejarano".into(),
        detail: detail.into(),
    };
    CaseView {
        card: case_card(stage, 4, 7),
        address: "/cases/7".into(),
        silence: SilenceView::Positive,
        events: vec![
            event(Tone::Good, "Presentado", "Rosa Quispe Mamani"),
            event(Tone::Good, "RENIEC respondió", ""),
            event(Tone::Warn, "Observado", "Falta el croquis del local."),
        ],
        files: vec![FileView {
            name: "Constancia de presentación".into(),
            address: "/documents/01K".into(),
            at: NOW,
            kind: "PDF, 84 kB".into(),
            code: Some(("7KQ4-M2XD-9TFA".into(), "/verify/7KQ4-M2XD-9TFA".into())),
        }],
        facts: facts(),
        answers: vec![("Dirección del local".into(), "Calle del Medio 105".into())],
        observation: (stage == Stage::Observed).then(|| ObservationView {
            text: "Adjunte el croquis del local con las salidas.".into(),
            until: NOW.plus_seconds(2 * 86_400),
            error: Some("Escriba su respuesta o adjunte un documento.".into()),
            typed: String::new(),
            kept: false,
            whose: "m4rk".into(),
        }),
    }
}

pub fn desk_case() -> DeskView {
    DeskView {
        id: "01K".into(),
        whose: "m4rk".into(),
        revision: 3,
        problems: vec!["El representante en SUNARP no es quien presenta.".into()],
        case: case(Stage::Review),
        acts: Acts {
            receive: false,
            evaluate: true,
            observe: true,
            ask: true,
            decide: true,
        },
        again: None,
        preview: vec![
            "RESOLUCIÓN N.° 15-2026".into(),
            "Se otorga la licencia.".into(),
        ],
    }
}

pub fn looks() -> LooksView {
    let look = LookView {
        at: NOW,
        asked_by: "Municipalidad Distrital de Ollantaytambo".into(),
        answered_by: "RENIEC".into(),
        purpose: "Licencia de funcionamiento".into(),
        legal_ground: Some("Ley 28976, art. 8".into()),
        fields: vec!["nombres".into(), "estado".into()],
        about: Some("20999000011".into()),
        case: Some("2026-000123".into()),
        evidence: EVIDENCE.into(),
        answered: true,
        entry: Some("48".into()),
        both_sides: true,
    };
    let refused = LookView {
        answered: false,
        case: None,
        entry: None,
        ..look.clone()
    };
    LooksView {
        looks: vec![look, refused],
        silent: vec!["SUNARP".into()],
    }
}

pub fn desk(cards: Vec<CaseCard>) -> DeskPage {
    DeskPage {
        filter: Filter::All,
        counts: Filter::ALL.map(|filter| (filter, 2)).to_vec(),
        late: i64::from(!cards.is_empty()),
        next: (!cards.is_empty()).then(|| "/desk?after=1".to_owned()),
        cards,
    }
}
