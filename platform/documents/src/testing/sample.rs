//! A paper for tests: every kind of block, several pages, all letters of the three languages.

use kernel::{Locale, Moment};

use crate::paper::{Block, Check, Field, Paper, Signing, Table, Text, Words};

/// Words as the texts hold them; the tests of rendering need no texts.
pub fn words() -> Words {
    Words {
        page: "Página".into(),
        of: "de".into(),
        verify: "Verifique este documento".into(),
        verify_how: "Cualquier persona puede comprobar que es auténtico y que no cambió, en:"
            .into(),
        code: "Código de verificación".into(),
        qr: "Código QR con la dirección de verificación:".into(),
        signed_by: "Firmado digitalmente por".into(),
        sealed_by: "Sello digital de".into(),
        stamp: "Sello de tiempo de archivo".into(),
    }
}

/// A resolution of the synthetic town with `articles` numbered reasons.
pub fn resolution(articles: usize) -> Paper {
    let at = Moment::parse_iso("2026-11-23T15:04:05Z").expect("a date");
    let mut paper = Paper::new(
        "Resolución de licencia de funcionamiento",
        Locale::Es,
        "Municipalidad Distrital de Ollantaytambo",
        at,
    )
    .office("Subgerencia de Desarrollo Económico y Licencias")
    .number("N.º 000123-2026-MDO/SGDEL")
    .paragraph(
        Text::from("Visto el expediente ")
            .strong("000457-2026")
            .then(", presentado por la señora Saturnina Ñahui Quispe, sobre licencia de funcionamiento para un establecimiento de riesgo medio; y"),
    )
    .heading("Datos del establecimiento")
    .pairs([
        ("Titular", "Saturnina Ñahui Quispe — DNI 45678901"),
        ("Nombre comercial", "Picantería «La Chaska»"),
        ("Dirección", "Calle Ventiderio 118, Ollantaytambo, Urubamba, Cusco"),
        ("Área", "64 m²"),
        ("Observaciones", ""),
    ])
    .heading("Considerando")
    .list(true, (0..articles).map(|n| {
        format!("Que, conforme al artículo {} de la Ley 28976, Ley Marco de Licencia de Funcionamiento, la municipalidad evalúa la zonificación y las condiciones de seguridad de la edificación antes de otorgar la licencia, con silencio administrativo positivo;", n + 4)
    }))
    .heading("Hechos comprobados")
    .table(Table {
        caption: "Hechos que las entidades declararon bajo firma".into(),
        columns: vec!["Hecho".into(), "Entidad".into(), "Fecha".into(), "Evidencia".into()],
        rows: (0..6)
            .map(|n| {
                vec![
                    ["Nombre y apellidos", "RUC activo y habido", "Poder vigente"][n % 3].to_owned(),
                    ["Registro de identidad", "Administración tributaria", "Registros públicos"][n % 3].to_owned(),
                    "23 de noviembre de 2026".to_owned(),
                    if n == 4 { String::new() } else { format!("01JDCQ7ZK8W3T5M9X2V4B6N{n}PD") },
                ]
            })
            .collect(),
    })
    .heading("Se resuelve")
    .paragraph(Text::default().strong("Artículo único. ").then("Otorgar la licencia de funcionamiento N.º 000123-2026 a favor de la titular. «Kay qillqaqa chaninmi», ¿no? ¡Sí! Vigencia: indeterminada; tasa: S/ 0.00 (€ 0); 3.ª y 1.º; 20 °C; № 7 – “fin” ‘ok’ …"))
    .paragraph("Regístrese, comuníquese y publíquese.")
    .signature(Signing {
        field: Field::Official,
        name: "Wilber Huamán Ccori".into(),
        post: "Subgerente de Desarrollo Económico y Licencias".into(),
        date: "Ollantaytambo, 23 de noviembre de 2026, 10:04".into(),
    });
    paper.blocks.push(Block::Signature(Signing {
        field: Field::Seal,
        name: "Municipalidad Distrital de Ollantaytambo".into(),
        post: "Sistema de gestión documental".into(),
        date: String::new(),
    }));
    paper.words = words();
    paper.check = Some(Check {
        url: "https://ollantaytambo.tambo.example/verify/7K3M-9QXT-2WBV".into(),
        code: "7K3M-9QXT-2WBV".into(),
    });
    paper
}
