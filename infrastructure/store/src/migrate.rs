//! Migrations: numbered SQL texts of each crate, run once, in order, and never changed afterwards.

use aws_lc_rs::digest;

use crate::{Store, StoreError, Tx, params, sql};

/// One step of a crate's tables.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// 1, 2, 3 ... within the crate.
    pub version: u32,
    /// A short name.
    pub name: &'static str,
    /// Statements in the portable subset, separated by `;`.
    pub sql: &'static str,
}

impl Store {
    /// Brings the tables of each room up to date, each room in one transaction.
    ///
    /// # Errors
    /// A migration that already ran has another text now, the data are newer than the program, or SQL fails.
    pub async fn migrate(
        &self,
        rooms: &[(&'static str, &'static [Migration])],
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.execute(sql::CREATE_MIGRATIONS, &[]).await?;
        tx.commit().await?;
        for (room, migrations) in rooms {
            let mut tx = self.begin().await?;
            migrate_room(&mut tx, room, migrations).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Tells whether the tables of each room are up to date, and changes nothing.
    ///
    /// # Errors
    /// They are older or newer than the program; the text says which.
    pub async fn must_be_migrated(
        &self,
        rooms: &[(&'static str, &'static [Migration])],
    ) -> Result<(), StoreError> {
        let mut tx = self.read().await?;
        for (room, migrations) in rooms {
            let missing = missing(&mut tx, room, migrations).await?;
            if let Some(first) = missing.first() {
                let problem =
                    "the data are older than this program; `tambo serve` brings them up to date";
                return Err(wrong(room, i64::from(first.version), problem));
            }
        }
        Ok(())
    }
}

fn wrong(room: &str, version: i64, problem: &str) -> StoreError {
    StoreError::Migration {
        room: room.to_owned(),
        version,
        problem: problem.to_owned(),
    }
}

async fn migrate_room(tx: &mut Tx, room: &str, migrations: &[Migration]) -> Result<(), StoreError> {
    for migration in missing(tx, room, migrations).await? {
        tx.execute_text(migration.sql.to_owned()).await?;
        let now = tx.store().clock().now();
        let values = params![
            room,
            migration.version,
            migration.name,
            fingerprint(migration.sql),
            now
        ];
        tx.execute(sql::MIGRATION_DONE, &values).await?;
    }
    Ok(())
}

/// The migrations that did not run yet; those that did must be as they were.
async fn missing<'m>(
    tx: &mut Tx,
    room: &str,
    migrations: &'m [Migration],
) -> Result<Vec<&'m Migration>, StoreError> {
    let applied = tx.all(sql::MIGRATIONS_OF, &params![room]).await?;
    let wrong = |version, problem| wrong(room, version, problem);
    for row in &applied {
        let version = row.int(0)?;
        let known = migrations.iter().find(|m| i64::from(m.version) == version);
        let known = known
            .ok_or_else(|| wrong(version, "the data are newer than this program; upgrade it"))?;
        if row.text(1)? != fingerprint(known.sql) {
            return Err(wrong(
                version,
                "its text has changed since it ran; add a new migration instead",
            ));
        }
    }
    let mut done = Vec::with_capacity(applied.len());
    for row in &applied {
        done.push(row.int(0)?);
    }
    // By number, not by count: numbers may leave gaps that a later version of the program fills.
    Ok(migrations
        .iter()
        .filter(|migration| !done.contains(&i64::from(migration.version)))
        .collect())
}

fn fingerprint(text: &str) -> String {
    data_encoding::HEXLOWER.encode(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}
