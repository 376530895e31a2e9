# Portal: what citizens and officials read while they file and handle procedures.
portal-menu-procedures = Procedures
portal-menu-cases = My cases
portal-menu-looks = Who looked at my data
portal-menu-desk = My desk

portal-home-title = Deal with the state without carrying papers
portal-home-lead = What the state already knows about you, we don't ask again. We ask the registries, under signature, and you see who asked and why.
portal-home-choices = What you can do here
portal-home-start = Begin a procedure
portal-home-start-why = See what it needs, what it costs and how long it takes.
portal-home-cases = See my cases
portal-home-cases-why = Where they stand, how many days are left, and your documents.
portal-home-looks = Who looked at my data
portal-home-looks-why = Every question about you: who, what for, and the proof.
portal-home-verify = Verify a document
portal-home-verify-why = By its code, its QR or the file itself. No sign-in.
portal-home-desk = Go to my desk
portal-home-desk-why = Cases in order of deadline.
portal-home-often = Procedures
portal-home-how = How it works
portal-home-how-1 = You choose the procedure. The form comes with what the registries know.
portal-home-how-2 = You add only what is missing, check it and file. The receipt comes at once.
portal-home-how-3 = The legal time limit runs by itself. You see it drawn, day by day.
portal-home-how-4 = The decision comes signed. Anybody can verify it.

portal-catalogue-title = Procedures
portal-catalogue-lead = Choose what you need to do.
portal-catalogue-list = List of procedures
portal-catalogue-empty = This body publishes no procedures yet.
portal-days = { $days ->
    [one] Decided in 1 business day
   *[other] Decided in { $days } business days
 }
portal-days-range = Decided in { $least } to { $days } business days, by risk
portal-free = Free
portal-cost-range = { $least } to { $most }, by risk

portal-start = Begin now
portal-start-sign-in = We will ask you to sign in, to know that it is you.
portal-continue = Continue where I left off
portal-figure-time = Time limit
portal-figure-cost = Cost
portal-figure-silence = If nobody answers
portal-figure-body = Decided by
portal-procedure-no-papers = Don't bring what we already have
portal-procedure-known = We find this out ourselves
portal-procedure-asked = We will ask you this
portal-procedure-needs = You will declare or attach this
portal-procedure-result = What you get
portal-procedure-rights = Your rights
portal-procedure-steps = Step by step
portal-procedure-silence = If the body doesn't answer in time
portal-procedure-law = Which norms say so
portal-silence-positive = If the time limit passes without an answer, the law treats your request as granted (positive silence). The system issues the document that says so by itself.
portal-silence-negative = If the time limit passes without an answer, you may treat it as denied and appeal (negative silence). The body must still answer.
portal-silence-positive-short = It is granted
portal-silence-negative-short = You may appeal

portal-step = Part { $now } of { $all }
portal-title-error = Error: { $title }
portal-facts-title = What the registries state
portal-facts-why = You needn't type it or prove it: each registry signs it.
portal-fact-signed = Signed by the registry
portal-fact-evidence = proof
portal-fact-waiting = { $authority } hasn't answered yet. We keep asking; it doesn't stop your filing.
portal-fact-nothing = { $authority } has nothing on record.
portal-fact-refused = Answer refused.
portal-not-right = Is something not right?
portal-not-right-how = These data are corrected where they are kept. Have them corrected there and come back: here they will appear corrected. What you typed stays saved.
portal-asked-title = What only you know
portal-optional = (optional)
portal-yes = Yes
portal-no = No
portal-next = Save and continue
portal-later = Save and leave
portal-kept = Your session had ended, but we kept what you typed. Check it and continue.
portal-saved-later = Saved. You find it under 'My cases' whenever you want to continue.
portal-file-have = Already attached:

portal-check-title = Check before you file
portal-check-lead = This is what the body will receive. You can change each part.
portal-check-who = Filed by: { $name }.
portal-check-what-happens = When you file, you get your receipt at once, with number, date and time. The legal time limit runs from the next business day.
portal-change = Change
portal-no-answer = No answer
portal-file = File it

portal-receipt-title = We have received your filing
portal-receipt-number = Your case number
portal-receipt-applicant = Filed by
portal-receipt-presented = Filed on
portal-receipt-counted = Counts as filed on
portal-receipt-body = With
portal-receipt-what = Procedure
portal-receipt-stage = State
portal-receipt-verified = Receipt verified
portal-receipt-genuine = This receipt is genuine: this body issued it.
portal-receipt-no-names = Out of respect for the person, no name is shown here.
portal-receipt-qr = QR code that opens the public verification of this receipt
portal-receipt-waiting = { $count ->
    [one] One registry has still to answer. You have filed: we ask for it ourselves.
   *[other] { $count } answers of registries are missing. You have filed: we ask for them ourselves.
 }
portal-receipt-pdf = Download the receipt (PDF)
portal-receipt-pdf-later = The signed PDF receipt is on its way; you will find it on the page of the case.
portal-receipt-follow = See how my case goes
portal-receipt-next = What happens now
portal-receipt-next-1 = The reception desk receives it and gives its acknowledgement in office hours.
portal-receipt-next-2 = An official reviews it. If something is missing, you are told once, and the time limit stops.
portal-receipt-next-3 = You get the signed decision, or the document of positive silence if nobody answered in time.
portal-code = Verification code
portal-print = Print

portal-cord-presented = Filed
portal-cord-due = They must answer by
portal-cord-left = { $left ->
    [one] 1 business day left of { $days }
   *[other] { $left } business days left of { $days }
 }
portal-cord-late = The time limit ends today or has passed
portal-cord-paused = Time limit stopped: waiting for your answer
portal-cord-over = { $used ->
    [0] Finished on the same day
   *[other] Finished: { $used } of { $days } business days were used
 }

portal-stage-draft = Not filed
portal-stage-filed = Filed
portal-stage-received = Received by the desk
portal-stage-review = Under review
portal-stage-observed = Needs correction
portal-stage-granted = Granted
portal-stage-silence = Granted by positive silence
portal-stage-denied = Denied
portal-stage-closed = Closed
portal-changed = Last change:

portal-cases-title = My cases
portal-cases-none = You have no cases yet.
portal-cases-older = See earlier cases
portal-cases-yours = Waiting for you
portal-cases-ours = With the body
portal-cases-done = Finished
portal-case-files = Documents
portal-case-events = What has happened
portal-case-filed = What was filed
portal-answers-title = Answers given
portal-outcome-granted = Your request was granted. The signed decision is below.
portal-outcome-silence = Nobody answered in time: your request is granted by law. The document is below.
portal-outcome-denied = Your request was denied. The decision says why and how to appeal.
portal-outcome-closed = The case ended without a decision.

portal-observed-title = Something is missing from you
portal-observed-until = Answer by { $date }
portal-observed-keeps = If you answer in time, you keep the date on which you filed.
portal-observed-answer = Your answer
portal-observed-file = Document to attach
portal-observed-file-hint = PDF, JPG or PNG, up to 5 MB.
portal-observed-send = Send my answer

portal-looks-title = Who looked at my data
portal-looks-lead = Each time a public body asks about you, it is written here. Nobody can erase it.
portal-looks-none = Nobody has asked about you yet.
portal-looks-count = { $count ->
    [one] 1 question
   *[other] { $count } questions
 }
portal-looks-asked = asked
portal-looks-about = About your firm or business: { $number }
portal-looks-why = For
portal-looks-ground = Allowed by
portal-looks-what = Looked at
portal-looks-entry = log entry no.
portal-looks-both = both bodies wrote it down
portal-looks-refused = not answered
portal-looks-silent = We could not fetch the list of: { $names }. Try again later.
portal-looks-proof = How is it proven?
portal-looks-proof-how = Each question is a message signed by who asks and by who answers. Its proof number is in a log that can't be changed unnoticed, and that another body watches.
portal-looks-wrong = Do you see something that should not be there?
portal-looks-wrong-how = Write to the body that asked and to the data protection authority, with the proof number.

portal-desk-title = My desk
portal-desk-order = What is due first comes first.
portal-desk-none = There are no cases here.
portal-desk-filters = Which cases to show
portal-desk-all = All
portal-desk-filed = To receive
portal-desk-received = Received
portal-desk-review = Under evaluation
portal-desk-observed = Observed
portal-desk-late = { $count ->
    [one] 1 case is past its time limit
   *[other] { $count } cases are past their time limit
 }
portal-desk-missing = { $count ->
    [one] 1 answer missing
   *[other] { $count } answers missing
 }
portal-desk-list = Cases
portal-desk-receive-do = Receive it
portal-desk-evaluate-do = Begin the evaluation
portal-desk-ask-do = Ask the registries again
portal-desk-refused = { $count ->
    [one] 1 fact refused
   *[other] { $count } facts refused
 }
portal-desk-refused-how = The registry's answer failed the signature check. Don't decide on it.
portal-desk-waiting = { $count ->
    [one] One registry has still to answer.
   *[other] { $count } answers of registries are missing.
 }
portal-desk-problems = What does not agree
portal-desk-acts = What do you decide
portal-desk-no-acts = There is nothing to decide in this case now.
portal-desk-preview = See the decision as it will be issued
portal-desk-observe = Ask for corrections
portal-desk-observe-what = Everything that is missing is asked once. The time limit stops until they answer.
portal-desk-observe-why = What must be corrected or added
portal-desk-observe-do = Send the request
portal-desk-grant = Grant
portal-desk-grant-what = The decision is issued with your signature and a time stamp, and notified.
portal-desk-grant-why = Reason
portal-desk-grant-do = Sign and grant
portal-desk-deny = Deny
portal-desk-deny-what = The denial is issued with your signature and notified with the right to appeal.
portal-desk-deny-why = Reason and norm
portal-desk-deny-do = Sign and deny

fault-portal-answer = Write your answer or attach a document.
