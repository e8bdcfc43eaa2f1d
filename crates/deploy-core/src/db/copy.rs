//! What is cleared away before a copy is read in, so that all of it is one transaction?

use std::fmt;

/// A table, such as `orders` or `billing.invoices`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Table {
    schema: Option<String>,
    name: String,
}

/// Why a text names no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no table; write `orders` or `billing.invoices`: letters, digits and `_`, as PostgreSQL keeps them"
)]
pub struct BadTable(pub String);

impl Table {
    /// Reads a name. Patterns are refused: what is dropped is named.
    ///
    /// # Errors
    /// See [`BadTable`].
    pub fn read(text: &str) -> Result<Self, BadTable> {
        let is_name = |part: &str| {
            let mut letters = part.chars();
            let first = letters.next().is_some_and(|letter| letter == '_' || letter.is_alphabetic());
            // 63 bytes is all that PostgreSQL keeps of a name.
            first
                && part.len() <= 63
                && letters.all(|letter| letter == '_' || letter == '$' || letter.is_alphanumeric())
        };
        let wrong = || BadTable(text.to_owned());
        let (schema, name) = match text.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, text),
        };
        if !is_name(name) || schema.is_some_and(|schema| !is_name(schema)) {
            return Err(wrong());
        }
        Ok(Self { schema: schema.map(str::to_owned), name: name.to_owned() })
    }
}

impl fmt::Display for Table {
    /// Writes it quoted, as SQL and `pg_dump --table` both take it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "\"{schema}\".\"{}\"", self.name),
            // A pattern without a schema is any that the search path has; what is restored goes to `public`.
            None => write!(f, "\"public\".\"{}\"", self.name),
        }
    }
}

/// What a copy replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied<'a> {
    /// Everything but extensions.
    All,
    /// These tables.
    Tables(&'a [Table]),
}

/// The lock that makes copies into one database wait for nobody: the second is refused. `managr` in ASCII.
const LOCK: &str = "\
DO $managr$ BEGIN
IF NOT pg_try_advisory_xact_lock(120265231132530) THEN
RAISE EXCEPTION 'another restore or pull into this database is under way' USING HINT = 'wait until it has ended';
END IF; END $managr$;
";

/// Drops what an application has made, and nothing that belongs to an extension: those need the rights of a superuser,
/// which nobody has in RDS. Types go last, since tables use them. Each list is made before the first of it is dropped.
const CLEAR: &str = "\
SET LOCAL client_min_messages = warning;
DO $managr$ DECLARE one text; BEGIN
FOREACH one IN ARRAY (SELECT coalesce(array_agg(format('DROP SCHEMA IF EXISTS %I CASCADE', n.nspname)), '{}') FROM pg_namespace n
WHERE n.nspname NOT IN ('public', 'information_schema') AND n.nspname !~ '^pg_'
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
AND NOT EXISTS (SELECT FROM pg_extension x WHERE x.extnamespace = n.oid)) LOOP EXECUTE one; END LOOP;
FOREACH one IN ARRAY (SELECT coalesce(array_agg(format('DROP %s IF EXISTS public.%I CASCADE',
CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, c.relname)), '{}')
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('e', 'i'))) LOOP EXECUTE one; END LOOP;
FOREACH one IN ARRAY (SELECT coalesce(array_agg(format('DROP ROUTINE IF EXISTS public.%I(%s) CASCADE', p.proname, pg_get_function_identity_arguments(p.oid))), '{}')
FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i'))) LOOP EXECUTE one; END LOOP;
FOREACH one IN ARRAY (SELECT coalesce(array_agg(format('DROP TYPE IF EXISTS public.%I CASCADE', t.typname)), '{}')
FROM pg_type t WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'd', 'c', 'r')
AND (t.typrelid = 0 OR (SELECT c.relkind FROM pg_class c WHERE c.oid = t.typrelid) = 'c')
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype IN ('e', 'i'))) LOOP EXECUTE one; END LOOP;
END $managr$;
";

/// Returns what is said to the target before the copy, in the copy's own transaction.
///
/// Tables are dropped without what depends on them: a copy of some tables that breaks others is refused by PostgreSQL.
pub fn prelude(copied: Copied<'_>) -> String {
    let clear = match copied {
        Copied::All => CLEAR.to_owned(),
        Copied::Tables(tables) => tables.iter().map(|table| format!("DROP TABLE IF EXISTS {table};\n")).collect(),
    };
    format!("{LOCK}{clear}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_a_name_and_no_pattern() {
        for (text, expected) in [
            ("orders", Some("\"public\".\"orders\"")),
            ("billing.invoices", Some("\"billing\".\"invoices\"")),
            ("_a1", Some("\"public\".\"_a1\"")),
            ("Größe", Some("\"public\".\"Größe\"")),
            ("", None),
            (".", None),
            ("a.", None),
            ("a.b.c", None),
            ("a*", None),
            ("a\"; DROP TABLE b; --", None),
            ("1a", None),
        ] {
            assert_eq!(Table::read(text).ok().map(|table| table.to_string()).as_deref(), expected, "{text}");
        }
        assert!(Table::read(&"a".repeat(64)).is_err());
    }

    #[test]
    fn a_copy_of_tables_drops_those_alone_and_nothing_that_needs_them() {
        let tables = [Table::read("orders").unwrap(), Table::read("b.c").unwrap()];
        let text = prelude(Copied::Tables(&tables));
        assert!(text.ends_with("DROP TABLE IF EXISTS \"public\".\"orders\";\nDROP TABLE IF EXISTS \"b\".\"c\";\n"));
        assert!(!text.contains("CASCADE"));
    }
}
