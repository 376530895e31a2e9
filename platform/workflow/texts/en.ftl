# States, events and errors of cases.
workflow-yes = Yes
workflow-no = No

workflow-risk-low = Low
workflow-risk-medium = Medium
workflow-risk-high = High
workflow-risk-very-high = Very high

workflow-state-filed = Filed
workflow-state-received = Received
workflow-state-in-evaluation = Being evaluated
workflow-state-observed = Needs correction
workflow-state-granted = Granted
workflow-state-denied = Denied
workflow-state-granted-by-silence = Granted by silence
workflow-state-not-presented = Not presented
workflow-state-withdrawn = Withdrawn

workflow-refusal-bad-signature = The answer's signature is not valid. We don't rely on this.
workflow-refusal-not-allowed = The registry doesn't let us ask this.
workflow-refusal-unknown = The registry has nobody with this number.

workflow-event-filed = The application was filed
workflow-event-received = The reception desk received the application
workflow-event-evaluated = The evaluation began
workflow-event-observed = A correction was asked for
workflow-event-cured = The application was corrected
workflow-event-extended = The time limit was extended
workflow-event-granted = The application was granted
workflow-event-denied = The application was denied
workflow-event-granted-by-silence = Nobody answered in time: the law grants it
workflow-event-not-presented = Not corrected in time: it counts as not presented
workflow-event-withdrawn = The application was taken back
workflow-event-fact-learned = A registry answered
workflow-event-fact-refused = A registry's answer can't be used
workflow-event-asked-again = A registry was asked again
workflow-event-issued = A document was issued

workflow-error-required = Write your answer here.
workflow-error-choose = Choose one of the options.
workflow-error-declare = Tick the declaration to go on.
workflow-error-file-missing = Attach the file that is asked for.
workflow-error-too-long = This is too long: at most { $max } characters.
workflow-error-characters = Some characters can't be read. Please write it again.
workflow-error-number = Write digits only, no decimals.
workflow-error-range = It must be a number from { $min } to { $max }.
workflow-error-date = Write a date that exists: day, month and year.
workflow-error-place = Choose a district from the list.
workflow-error-place-outside = That place is not in this municipality.
workflow-error-identifier-shape = A { $name } has { $digits } digits. Count those you wrote.
workflow-error-identifier-prefix = A { $name } doesn't begin with those digits.
workflow-error-identifier-check = This { $name } is not right: look for a mistyped or swapped digit.
workflow-error-phone = Write a telephone number, for example 984 000 111.
workflow-error-email = Write an e-mail address such as name@example.pe.

fault-workflow-person-only = Each person does this from their own account. Sign in with your personal account.
fault-workflow-own-case = This is your own case: somebody else decides it.
fault-workflow-no-procedure = That procedure is not offered here.
fault-workflow-no-step = That step is not part of this procedure.
fault-workflow-key = The form arrived incomplete. Open it again: what you wrote is saved.
fault-workflow-too-many-answers = The form holds too many answers.
fault-workflow-changed = Somebody changed this case while you were looking. Open it again and decide on what is new.
fault-workflow-ended = This case has ended.
fault-workflow-state = That can't be done in the case's present state.
fault-workflow-observed-before = A correction was asked for before. The law does not allow a second time.
fault-workflow-cure-time = The days to correct it are over.
fault-workflow-no-silence = Silence has no effect yet.
fault-workflow-too-late = The time limit is over and the law has granted it. It can't be decided otherwise any more.
fault-workflow-facts-pending = { $count ->
    [one] One fact from a registry is missing. It can't be granted without it.
   *[other] { $count } facts from registries are missing. It can't be granted without them.
 }
fault-workflow-extended-before = The time limit was extended before.
fault-workflow-extension-days = It can be extended by at most as many days as the limit has.
fault-workflow-reasons-missing = Write the reasons: the person will read them.
fault-workflow-reasons-long = The reasons are too long: at most { $max } characters.
fault-workflow-nothing-to-ask = There is no answer of that registry that needs asking again.
