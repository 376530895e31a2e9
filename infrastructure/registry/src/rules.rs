//! What is granted without a person, and which classes members have: the register's own settings, kept in its store.

use kernel::{Actor, Fault};
use store::Tx;

use crate::domain::names;
use crate::{Register, digest_of, sql};

/// Kinds of application for which a rule may stand in for a person, and whether it does if nobody said otherwise.
/// A new certificate is asked for with the keys that are registered, and maintenance harms only who asks for it.
pub const KINDS: [(&str, bool); 5] = [
    ("certificates", true),
    ("maintenance", true),
    ("address", false),
    ("subsystem", false),
    ("subsystem-removal", true),
];
/// Member classes if nobody said otherwise.
pub const CLASSES: &str = "GOB EMP ORG";
/// Longest list of classes, in bytes.
const CLASSES_BYTES_MAX: usize = 256;

/// The register's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Kinds of application that are granted at once.
    pub granted: Vec<&'static str>,
    /// Member classes.
    pub classes: Vec<String>,
}

impl Register {
    /// The settings.
    ///
    /// # Errors
    /// The store failed.
    pub async fn rules(&self, tx: &mut Tx) -> Result<Rules, Fault> {
        let mut granted = Vec::new();
        for (kind, usual) in KINDS {
            let set = sql::setting::get(tx, &format!("grant.{kind}")).await?;
            if set.map_or(usual, |value| value == "yes") {
                granted.push(kind);
            }
        }
        let classes = sql::setting::get(tx, "classes").await?;
        let classes = classes.unwrap_or_else(|| CLASSES.to_owned());
        Ok(Rules {
            granted,
            classes: classes.split_whitespace().map(str::to_owned).collect(),
        })
    }

    /// Sets which kinds are granted at once, and the classes (separated by spaces).
    ///
    /// # Errors
    /// A class doesn't fit, or the store failed.
    pub async fn set_rules(
        &self,
        by: &Actor,
        granted: &[&str],
        classes: &str,
    ) -> Result<(), Fault> {
        let list: Vec<&str> = classes.split_whitespace().collect();
        let fits = !list.is_empty() && list.iter().all(|class| names::code(class));
        if !fits || classes.len() > CLASSES_BYTES_MAX {
            return Err(Fault::invalid("fault-registry-classes"));
        }
        let classes = list.join(" ");
        let mut tx = self.begin().await?;
        for (kind, _) in KINDS {
            let value = match granted.contains(&kind) {
                true => "yes",
                false => "no",
            };
            sql::setting::put(&mut tx, &format!("grant.{kind}"), value).await?;
        }
        sql::setting::put(&mut tx, "classes", &classes).await?;
        sql::setting::changed(&mut tx).await?;
        let granted = granted.join(" ");
        let notes = [("granted", granted.as_str()), ("classes", &classes)];
        let digest = digest_of(&["rules", &granted, &classes]);
        self.enter(&mut tx, ("rules-set", by), digest, &notes)
            .await?;
        Ok(tx.commit().await?)
    }
}
