-- By group: the external id that an identity was joined to, which what comes with its own id alone is delivered under.
ALTER TABLE identities ADD COLUMN known_as jsonb;
