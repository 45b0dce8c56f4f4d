-- What operators were last told of a breaker: `open` or `closed`.
ALTER TABLE destinations ADD COLUMN breaker_told text NOT NULL DEFAULT 'closed';
UPDATE destinations SET breaker_told = 'open' WHERE breaker <> 'closed';
