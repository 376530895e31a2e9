//! What a body may set about its documents.

/// 10 MiB: a scanned plan of several sheets; the published limits of agencies lie between 5 and 50 MB.
pub const FILE_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// Settings of the documents of one body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Address of the public verification page, without the code: `https://HOST/verify`.
    pub verify_url: String,
    /// Largest file that is taken in, in bytes.
    pub file_bytes_max: u64,
    /// IANA time zone of the body: series of numbers begin anew with its year.
    pub time_zone: String,
    /// The place that signatures name, for example the district; may be empty.
    pub place: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            verify_url: "http://localhost/verify".to_owned(),
            file_bytes_max: FILE_BYTES_MAX,
            time_zone: "America/Lima".to_owned(),
            place: String::new(),
        }
    }
}
