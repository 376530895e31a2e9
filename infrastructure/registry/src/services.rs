//! Story: foreign certificate authorities and time stampers that the instance approves beside its own.

use kernel::{Actor, Fault, Id};
use trust::Certificate;

use crate::domain::names;
use crate::sql::group::ServiceRow;
use crate::{Register, digest_of, sql};

/// A certificate authority.
pub const CA: &str = "ca";
/// A time stamper.
pub const TSA: &str = "tsa";
/// How a certificate authority's subjects name members: X-Road's profiles by their short names.
pub const PROFILES: [&str; 6] = ["fi", "basic", "ejbca", "fo", "skklass3", "skesteid"];
/// Longest address of a service, in bytes.
const URL_BYTES_MAX: usize = 255;

impl Register {
    /// Trust services that are approved beside the authority's own.
    ///
    /// # Errors
    /// The store failed.
    pub async fn services(&self) -> Result<Vec<ServiceRow>, Fault> {
        let mut tx = self.read().await?;
        Ok(sql::group::services(&mut tx).await?)
    }

    /// Approves a service: its kind, name, address, and certificate in PEM; a CA also has a certificate profile.
    ///
    /// # Errors
    /// Something doesn't fit, or the store failed.
    pub async fn approve_service(
        &self,
        by: &Actor,
        (kind, profile): (&str, &str),
        (name, url): (&str, &str),
        pem: &str,
    ) -> Result<(), Fault> {
        let wrong =
            |field: &'static str| Fault::invalid("fault-registry-field").arg("field", field);
        let certificate = Certificate::from_pem(pem).map_err(|_| wrong("certificate"))?;
        let is_ca = kind == CA;
        if !(is_ca || kind == TSA) {
            return Err(wrong("kind"));
        }
        if is_ca && (!certificate.is_ca() || !PROFILES.contains(&profile)) {
            return Err(wrong("certificate"));
        }
        if kind == TSA && !certificate.is_time_stamping_only() {
            return Err(wrong("certificate"));
        }
        if !names::name(name) {
            return Err(wrong("name"));
        }
        let web = url.starts_with("http://") || url.starts_with("https://");
        if !web || url.len() > URL_BYTES_MAX || url.contains(char::is_whitespace) {
            return Err(wrong("address"));
        }
        let store = &self.inner.parts.store;
        let row = ServiceRow {
            id: Id::new(store.clock().as_ref(), store.chance().as_ref()),
            kind: kind.to_owned(),
            name: name.to_owned(),
            url: url.to_owned(),
            profile: profile.to_owned(),
            der: certificate.der().to_vec(),
            since: self.now(),
        };
        let mut tx = self.begin().await?;
        sql::group::put_service(&mut tx, &row).await?;
        sql::setting::changed(&mut tx).await?;
        let (digest, hash) = (certificate.sha256(), certificate.sha256_hex());
        let notes = [("kind", kind), ("name", name), ("certificate", &hash)];
        self.enter(&mut tx, ("service-approved", by), digest, &notes)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Retires a service.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub async fn retire_service(&self, by: &Actor, id: &str) -> Result<(), Fault> {
        let missing = || Fault::missing("fault-missing");
        let number: Id = id.parse().map_err(|_| missing())?;
        let mut tx = self.begin().await?;
        if !sql::group::retire_service(&mut tx, number).await? {
            return Err(missing());
        }
        sql::setting::changed(&mut tx).await?;
        let digest = digest_of(&["service-retired", id]);
        self.enter(&mut tx, ("service-retired", by), digest, &[("service", id)])
            .await?;
        Ok(tx.commit().await?)
    }
}
