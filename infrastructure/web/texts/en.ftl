# The frame of all pages and the general notices.
web-skip = Skip to the content
web-language = Language
web-menu = Menu
web-back = Back
web-account = My account
web-sign-in = Sign in
web-sign-out = Sign out
web-reference = Reference number of this page:
web-simulated = This is a practice country. The people and businesses don't exist, and nothing you do here has legal effect.

web-date = { $day } { $month } { $year }
web-weekday-date = { $weekday } { $day } { $month } { $year }
web-date-time = { $date }, { $time }
web-month-1 = January
web-month-2 = February
web-month-3 = March
web-month-4 = April
web-month-5 = May
web-month-6 = June
web-month-7 = July
web-month-8 = August
web-month-9 = September
web-month-10 = October
web-month-11 = November
web-month-12 = December
web-weekday-1 = Monday
web-weekday-2 = Tuesday
web-weekday-3 = Wednesday
web-weekday-4 = Thursday
web-weekday-5 = Friday
web-weekday-6 = Saturday
web-weekday-7 = Sunday

web-error-summary = Please check the following
web-optional = optional
web-error-prefix = Error:
web-source = Stated by { $who }, { $when }
web-evidence = Evidence
web-newer = Earlier
web-older = Next
web-pages = Pages
web-days = { $n ->
    [one] { $n } day
   *[other] { $n } days
 }
web-meter-of = { $done } of { $total }

web-error-invalid = Something needs correcting
web-error-sign-in = Sign in to go on
web-error-denied = You are not allowed to do this
web-error-missing = We can't find it
web-error-conflict = This has changed meanwhile
web-error-too-large = It is too large
web-error-too-many = Too many tries in a row
web-error-upstream = Another body did not answer well
web-error-unavailable = We can't serve you right now
web-error-internal = Something failed on our side
web-error-code = Reference: { $reference }
web-error-reference = If you call or write about this, tell this number: { $reference }
web-error-contact = How to reach us: { $contact }
web-error-home = Go to the start page

web-resend-title = Your session ended, but you lost nothing
web-resend-words = A good while went by and we closed your session to keep you safe. What you typed is kept in this page: don't close it.
web-resend-first = Sign in again. It opens in a new tab.
web-resend-second = Come back to this tab and send what you had typed.
web-resend-button = Send again

fault-internal = The failure is ours, not yours. Whatever you hold a receipt for is safe. Please try again in a few minutes.
fault-full = There is no room to keep anything at the moment. The operator knows; please try again later. Whatever you hold a receipt for is safe.
fault-unavailable = The system is resting or being repaired. Please try again in a few minutes; whatever you hold a receipt for is safe.
fault-busy = Many people are here at once. Please wait a moment and try again.
fault-slow = The answer took too long and we stopped it. Look under “My cases” before you send it again.
fault-missing = What you look for doesn't exist, or is not yours.
fault-no-page = There is no such address. It may be mistyped, or the page has moved.
fault-method = This address is not used in this way. Go back to the page before and try again.
fault-sign-in = You have to sign in to see this.
fault-denied = Your account is not allowed to see or do this.
fault-csrf = We couldn't make sure that this form came from your own page. Go back, reload the page and send it again.
fault-form = The form arrived incomplete or damaged. Go back and send it again.
fault-too-large = What you sent is larger than we can take. Try a smaller file.
fault-too-many-files = You sent too many files at once. Send them in parts.
fault-too-many = Many requests came from this connection in a row. Wait a minute and try again.
