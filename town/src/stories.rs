//! The people that the demo tells about, each there to show one thing that the house must do well.
//!
//! Read by whoever presents the demo and by the end-to-end tests, which name people by the constants here.

use kernel::Locale;

use crate::country::Identifiers;
use crate::people::{ACTIVITIES, Firm, Person, Population, Power, Vital};

/// Opens a restaurant as the manager of her firm: the main journey.
pub const ROSA: &str = "99000011";
/// Carpenter with a RUC of his own.
pub const JULIAN: &str = "99000022";
/// Blind; sells crafts and works with a screen reader.
pub const ELENA: &str = "99000033";
/// Older Quechua speaker with a chicha house.
pub const SATURNINA: &str = "99000044";
/// Represents a firm whose power ended last year.
pub const WILFREDO: &str = "99000055";
/// Represents a hostel that the tax office cannot find.
pub const DINA: &str = "99000066";
/// Dead in the identity registry.
pub const TOMAS: &str = "99000077";
/// Young, without any RUC yet.
pub const FIDEL: &str = "99000088";
/// Manages two firms.
pub const KARINA: &str = "99000099";
/// Official at the reception desk.
pub const NELIDA: &str = "99000101";
/// Licensing official.
pub const MARCO: &str = "99000112";
/// Manager of economic development: signs.
pub const GLADYS: &str = "99000123";
/// Keeps the municipality's node running.
pub const PERCY: &str = "99000134";

/// Ollantaytambo, INEI.
pub const OLLANTAYTAMBO: &str = "081306";
/// Urubamba, INEI.
const URUBAMBA: &str = "081301";
/// Cusco, INEI.
const CUSCO: &str = "080101";

/// One line of the table of people: DNI, given names, surnames, birth, address, district, language, post, story.
type Line = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Locale,
    Option<&'static str>,
    &'static str,
);

const PEOPLE: [Line; 13] = [
    (
        ROSA,
        "Rosa",
        "Quispe Mamani",
        "1988-04-12",
        "Calle Lari 214",
        OLLANTAYTAMBO,
        Locale::Es,
        None,
        "Opens a restaurant for visitors as manager of Sumaq Mikhuna E.I.R.L.",
    ),
    (
        JULIAN,
        "Julián",
        "Huamán Ttito",
        "1979-09-30",
        "Comunidad campesina Rumira, lote 18",
        OLLANTAYTAMBO,
        Locale::Es,
        None,
        "Carpenter; licenses his workshop under his own RUC 10.",
    ),
    (
        ELENA,
        "Elena",
        "Ccori Vargas",
        "1992-01-22",
        "Calle Convención 87",
        OLLANTAYTAMBO,
        Locale::Es,
        None,
        "Blind; opens a crafts shop and does everything with a screen reader.",
    ),
    (
        SATURNINA,
        "Saturnina",
        "Puma Condori",
        "1953-11-29",
        "Comunidad campesina Willoq, lote 3",
        OLLANTAYTAMBO,
        Locale::Qu,
        None,
        "Speaks Quechua; wants her chicha house licensed without walking to town.",
    ),
    (
        WILFREDO,
        "Wilfredo",
        "Apaza Cárdenas",
        "1970-02-17",
        "Jr. Grau 410",
        URUBAMBA,
        Locale::Es,
        None,
        "His power to represent Transportes Salkantay S.A.C. has ended: the registry says so.",
    ),
    (
        DINA,
        "Dina",
        "Loayza Champi",
        "1985-07-03",
        "Av. Ferrocarril 120",
        OLLANTAYTAMBO,
        Locale::Es,
        None,
        "Her hostel is NO HABIDO at the tax office: the official sees it before granting.",
    ),
    (
        TOMAS,
        "Tomás",
        "Cusi Huanca",
        "1941-05-08",
        "Calle Principal 9",
        OLLANTAYTAMBO,
        Locale::Qu,
        None,
        "Died in 2024: nobody can file in his name.",
    ),
    (
        FIDEL,
        "Fidel",
        "Huillca Choque",
        "2005-12-01",
        "Av. Estudiante 55",
        OLLANTAYTAMBO,
        Locale::Qu,
        None,
        "Has no RUC yet: the page tells him where to get one and keeps what he typed.",
    ),
    (
        KARINA,
        "Karina",
        "Flores Espinoza",
        "1990-10-19",
        "Av. El Sol 733",
        CUSCO,
        Locale::Es,
        None,
        "Manages two firms and chooses for which one she acts.",
    ),
    (
        NELIDA,
        "Nélida",
        "Yupanqui Rojas",
        "1987-03-14",
        "Calle Principal 120",
        OLLANTAYTAMBO,
        Locale::Qu,
        Some("recepcion"),
        "Receives what is filed at the municipality.",
    ),
    (
        MARCO,
        "Marco",
        "Salas Bejarano",
        "1982-08-25",
        "Jr. Las Flores 31",
        URUBAMBA,
        Locale::Es,
        Some("licencias"),
        "Licensing official: reviews the case, observes or proposes.",
    ),
    (
        GLADYS,
        "Gladys",
        "Paredes Gutiérrez",
        "1975-06-06",
        "Av. Ferrocarril 310",
        OLLANTAYTAMBO,
        Locale::Es,
        Some("gerencia"),
        "Manager of economic development: decides and signs the resolution.",
    ),
    (
        PERCY,
        "Percy",
        "Chávez Ñahui",
        "1996-02-28",
        "Pasaje San Martín 12",
        URUBAMBA,
        Locale::Es,
        Some("sistemas"),
        "Keeps the municipality's node running; sees no case.",
    ),
];

/// What a manager may do according to the general law of companies.
pub fn manager_powers() -> Vec<&'static str> {
    vec![
        "REPRESENTACION ANTE AUTORIDADES ADMINISTRATIVAS",
        "SOLICITAR LICENCIAS Y PERMISOS",
    ]
}

/// Everybody with a story, with valid numbers.
pub fn tell(identifiers: &Identifiers) -> Population {
    Population {
        people: PEOPLE
            .iter()
            .map(|line| person(identifiers, line))
            .collect(),
        firms: firms(identifiers),
    }
}

fn person(identifiers: &Identifiers, line: &Line) -> Person {
    let &(dni, given_names, surnames, birth_date, address, district, language, post, story) = line;
    Person {
        dni: dni.to_owned(),
        check: identifiers
            .dni
            .check_characters(dni)
            .chars()
            .next()
            .unwrap_or('0'),
        given_names: given_names.to_owned(),
        surnames: surnames.to_owned(),
        birth_date: birth_date.to_owned(),
        address: address.to_owned(),
        district: district.to_owned(),
        vital: if dni == TOMAS {
            Vital::Dead
        } else {
            Vital::Alive
        },
        language,
        story: Some(story),
        post,
    }
}

/// RUC (without check digit), name, activity, representative, address: active and found, unless changed below.
const OWN: [(&str, &str, usize, &str, &str); 4] = [
    (
        JULIAN,
        "HUAMAN TTITO JULIAN",
        3,
        "Comunidad campesina Rumira, lote 18",
        OLLANTAYTAMBO,
    ),
    (
        ELENA,
        "CCORI VARGAS ELENA",
        6,
        "Calle Convención 87",
        OLLANTAYTAMBO,
    ),
    (
        SATURNINA,
        "PUMA CONDORI SATURNINA",
        0,
        "Comunidad campesina Willoq, lote 3",
        OLLANTAYTAMBO,
    ),
    (
        TOMAS,
        "CUSI HUANCA TOMAS",
        1,
        "Calle Principal 9",
        OLLANTAYTAMBO,
    ),
];
const LEGAL: [(&str, &str, usize, &str, &str, &str); 5] = [
    (
        "2099900001",
        "SUMAQ MIKHUNA E.I.R.L.",
        0,
        ROSA,
        "Calle del Medio 105",
        "TITULAR GERENTE",
    ),
    (
        "2099900002",
        "TRANSPORTES SALKANTAY S.A.C.",
        7,
        WILFREDO,
        "Jr. Grau 410",
        "GERENTE GENERAL",
    ),
    (
        "2099900003",
        "HOSPEDAJE QOLQA WASI E.I.R.L.",
        2,
        DINA,
        "Av. Ferrocarril 120",
        "TITULAR GERENTE",
    ),
    (
        "2099900004",
        "TEJIDOS PATACANCHA S.R.L.",
        6,
        KARINA,
        "Plaza de Armas s/n",
        "GERENTE",
    ),
    (
        "2099900005",
        "BOTICA VALLE SAGRADO S.A.C.",
        4,
        KARINA,
        "Calle Principal 64",
        "GERENTE GENERAL",
    ),
];

fn firms(identifiers: &Identifiers) -> Vec<Firm> {
    let own = OWN
        .iter()
        .map(|&(dni, name, activity, address, district)| Firm {
            ruc: identifiers.ruc.complete(&format!("10{dni}")),
            business_name: name.to_owned(),
            state: if dni == TOMAS {
                "BAJA POR FALLECIMIENTO"
            } else {
                "ACTIVO"
            },
            condition: "HABIDO",
            fiscal_address: address.to_owned(),
            district: district.to_owned(),
            activity: ACTIVITIES[activity],
            representative: dni.to_owned(),
            power: None,
        });
    let legal =
        LEGAL
            .iter()
            .zip(1_u32..)
            .map(
                |(&(body, name, activity, dni, address, position), at)| Firm {
                    ruc: identifiers.ruc.complete(body),
                    business_name: name.to_owned(),
                    state: "ACTIVO",
                    condition: if dni == DINA { "NO HABIDO" } else { "HABIDO" },
                    fiscal_address: address.to_owned(),
                    district: if dni == WILFREDO {
                        URUBAMBA
                    } else {
                        OLLANTAYTAMBO
                    }
                    .to_owned(),
                    activity: ACTIVITIES[activity],
                    representative: dni.to_owned(),
                    power: Some(Power {
                        position,
                        powers: manager_powers(),
                        valid_until: (dni == WILFREDO).then(|| "2025-06-30".to_owned()),
                        registry_entry: format!("C{at:05}, partida {}", 11_200_000 + at * 37),
                    }),
                },
            );
    own.chain(legal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::country;

    #[test]
    fn every_story_has_what_it_needs() {
        let town = tell(&country::identifiers());
        assert!(town.people.len() >= 12 && town.is_consistent());
        assert_eq!(town.firms_of(ROSA).count(), 1);
        assert_eq!(town.firms_of(KARINA).count(), 2);
        assert_eq!(town.firms_of(FIDEL).count(), 0);
        let own = town.firms_of(JULIAN).next().expect("RUC 10");
        assert!(own.ruc.starts_with("1099000022") && own.power.is_none());
        let posts: Vec<_> = town
            .people
            .iter()
            .filter_map(|person| person.post)
            .collect();
        assert_eq!(posts, ["recepcion", "licencias", "gerencia", "sistemas"]);
    }
}
