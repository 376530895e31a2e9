CREATE INDEX exchange_question_trace ON exchange_question (trace)
    WHERE trace IS NOT NULL AND outcome NOT IN ('asked', 'answered');
CREATE INDEX exchange_outgoing_number ON exchange_outgoing (number);
