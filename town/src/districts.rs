//! Peru's districts with the codes of three registers, their altitude and position.
//!
//! Read by whoever places a person, a firm or a body. It promises the rows of `country/pe/districts.csv` as they are,
//! and finds a district by any register's code; codes of different registers are never mixed up, because each is
//! looked up in its own column.

use std::collections::BTreeMap;

const CSV: &str = include_str!("../../country/pe/districts.csv");

/// One district.
#[derive(Clone, Debug, PartialEq)]
pub struct District {
    /// INEI's code, six digits; every district has it.
    pub inei: &'static str,
    /// RENIEC's code, if it lists the district.
    pub reniec: Option<&'static str>,
    /// SUNAT's code, if it lists the district.
    pub sunat: Option<&'static str>,
    /// Name.
    pub name: &'static str,
    /// Province.
    pub province: &'static str,
    /// Department.
    pub department: &'static str,
    /// Altitude of the capital and its position, where known.
    pub place: Option<Place>,
}

/// Where a district's capital lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Metres above the sea.
    pub altitude_m: i32,
    /// Degrees, negative to the south (WGS 84).
    pub lat: f64,
    /// Degrees, negative to the west (WGS 84).
    pub lon: f64,
}

/// All districts, found by code.
#[derive(Debug)]
pub struct Districts {
    all: Vec<District>,
    by_inei: BTreeMap<&'static str, usize>,
}

impl District {
    /// `Ollantaytambo, Urubamba, Cusco`.
    pub fn full_name(&self) -> String {
        format!("{}, {}, {}", self.name, self.province, self.department)
    }

    fn parse(line: &'static str) -> Option<Self> {
        let cells: [&'static str; 9] = line.split(',').collect::<Vec<_>>().try_into().ok()?;
        let [
            inei,
            reniec,
            sunat,
            name,
            province,
            department,
            altitude,
            lat,
            lon,
        ] = cells;
        let some = |cell: &'static str| (!cell.is_empty()).then_some(cell);
        let place = match (altitude.parse(), lat.parse(), lon.parse()) {
            (Ok(altitude_m), Ok(lat), Ok(lon)) => Some(Place {
                altitude_m,
                lat,
                lon,
            }),
            _ => None,
        };
        let (reniec, sunat) = (some(reniec), some(sunat));
        Some(Self {
            inei,
            reniec,
            sunat,
            name,
            province,
            department,
            place,
        })
    }
}

impl Districts {
    /// Reads the compiled-in table.
    pub fn load() -> Self {
        let all: Vec<District> = CSV.lines().skip(1).filter_map(District::parse).collect();
        let by_inei = all
            .iter()
            .enumerate()
            .map(|(at, district)| (district.inei, at))
            .collect();
        Self { all, by_inei }
    }

    /// All, in order of INEI's code.
    pub fn all(&self) -> &[District] {
        &self.all
    }

    /// The district with this INEI code.
    pub fn by_inei(&self, code: &str) -> Option<&District> {
        self.by_inei.get(code).map(|&at| &self.all[at])
    }

    /// The district with this RENIEC code.
    pub fn by_reniec(&self, code: &str) -> Option<&District> {
        self.all
            .iter()
            .find(|district| district.reniec == Some(code))
    }

    /// The district with this SUNAT code.
    pub fn by_sunat(&self, code: &str) -> Option<&District> {
        self.all
            .iter()
            .find(|district| district.sunat == Some(code))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_counts_are_those_of_the_registers() {
        let districts = Districts::load();
        let count = |has: fn(&District) -> bool| districts.all().iter().filter(|d| has(d)).count();
        assert_eq!(
            districts.all().len(),
            CSV.lines().count() - 1,
            "a row could not be read"
        );
        assert_eq!(districts.all().len(), 1_893);
        assert_eq!(count(|d| d.reniec.is_some()), 1_839);
        assert_eq!(count(|d| d.sunat.is_some()), 1_831);
        assert_eq!(count(|d| d.place.is_some()), 1_720);
        let distinct: BTreeSet<_> = districts.all().iter().filter_map(|d| d.reniec).collect();
        assert_eq!(distinct.len(), 1_839);
        assert!(CSV.len() < 200_000);
    }

    #[test]
    fn one_place_has_three_codes_that_are_not_exchangeable() {
        let districts = Districts::load();
        let town = districts.by_inei("081306").expect("Ollantaytambo");
        assert_eq!(town.full_name(), "Ollantaytambo, Urubamba, Cusco");
        assert_eq!((town.reniec, town.sunat), (Some("071306"), Some("081306")));
        assert_eq!(town.place.map(|place| place.altitude_m), Some(2_871));
        assert_eq!(districts.by_reniec("071306"), Some(town));
        assert_eq!(districts.by_sunat("081306"), Some(town));
        // RENIEC's 08 is another department.
        assert_ne!(districts.by_reniec("081306"), Some(town));
        assert_eq!(districts.by_inei("999999"), None);
    }

    #[test]
    fn positions_lie_in_peru() {
        for place in Districts::load()
            .all()
            .iter()
            .filter_map(|district| district.place)
        {
            assert!((-18.4..0.0).contains(&place.lat) && (-81.4..-68.6).contains(&place.lon));
            assert!(
                (0..5_200).contains(&place.altitude_m),
                "{}",
                place.altitude_m
            );
        }
    }
}
