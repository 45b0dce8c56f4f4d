-- What providers tell later about what was delivered. A row's id is the week it came in and a digest of what it says: a repeat
-- finds it there, and a week is dropped with the others. delivery_id is null while nobody knows what it is about.
CREATE TABLE feedback (
    feedback_id uuid PRIMARY KEY,
    destination_id integer NOT NULL,
    delivery_id uuid,
    matched_by text,
    event text NOT NULL,
    original text NOT NULL,
    at timestamptz,
    person text,
    identities uuid[] NOT NULL,
    detail jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (feedback_id);
CREATE INDEX feedback_delivery_id ON feedback (delivery_id);
CREATE INDEX feedback_person ON feedback (destination_id, person, delivery_id);
CREATE INDEX feedback_unmatched ON feedback (received_at) WHERE delivery_id IS NULL;
CREATE INDEX feedback_latest ON feedback (destination_id, received_at);

-- Many providers name the person and nothing else, by the id that they answered with when it was delivered.
CREATE INDEX deliveries_provider_id ON deliveries (provider_id, delivery_id) WHERE provider_id IS NOT NULL;

CREATE TABLE feedback_other PARTITION OF feedback DEFAULT;
