DROP INDEX exchange_question_failed;
CREATE INDEX exchange_question_failed ON exchange_question (asked_at)
    WHERE side = 'client' AND outcome <> 'asked' AND outcome <> 'answered';
DROP INDEX exchange_question_trace;
CREATE INDEX exchange_question_trace ON exchange_question (trace)
    WHERE trace IS NOT NULL AND outcome <> 'asked' AND outcome <> 'answered';
