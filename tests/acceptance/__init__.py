"""What the community half promises, each promise checked once more through the public door.

An index for readers: the number of a feature, what it is, and where its check stands. Most are
tested at length beside their feature; here each is as short as its promise.

| # | feature | check |
| --- | --- | --- |
| 1 | ask, answer, accept | `test_questions.test_an_accepted_answer_stands_first_…` |
| 2 | search in Chinese and English | `test_finding.test_chinese_and_english_words_…` |
| 3 | Markdown that reads Chinese right | `test_texts.test_a_text_becomes_exactly_this_markup` |
| 4 | nothing hostile runs | `test_in_a_browser.test_sixty_hostile_texts_…` |
| 5 | discussions of what is private | `test_finding.test_what_is_said_of_a_private_model_…` |
| 6 | a post follows its run | `test_in_a_browser.test_a_chip_of_a_run_moves_…` |
| 7 | sign-up, proof, reset | `test_accounts.test_who_signs_up_…`, `test_a_reset_works_once_…` |
| 8 | roles and abilities | `test_questions.test_who_may_do_what_is_what_the_guide_says` |
| 9 | news in the site | `test_news.test_a_mention_is_counted_within_two_seconds_…` |
| 10 | two languages | `test_languages` |
| 11 | the queue of the moderators | `test_moderation.test_three_reports_hide_…` |
| 12 | newcomers | `test_moderation.test_the_fourth_topic_on_day_one_…` |
| 14 | the audit log of moderators' acts | `test_moderation.test_each_act_leaves_one_entry_…` |
| 15 | drafts | `test_questions.test_what_was_half_…`, `tests/browser/test_questions_story.py` |
| 16 | wordings, their differences, rolling back | `test_questions.test_rolling_back_…` |
| 17 | versions of a tutorial | `test_texts.test_a_version_that_was_published_stays_…` |
| 18 | access tokens with scopes | `test_accounts.test_a_token_does_what_its_scopes_say_…` |
| 19 | closing as asked before | `test_questions.test_closing_as_asked_before_…` |
| 20 | tags, synonyms, following | `test_questions.test_a_synonym_is_stored_…` |
| 21 | similar questions while one types | `test_questions.test_a_title_shows_the_question_…` |
| 22 | letters, ended by one click | `test_news.test_one_click_…`, `test_what_waits_…` |
| 23 | second factors | `test_accounts.test_a_code_works_once_…`, `tests/browser/test_passkeys.py` |
| 26 | no barriers | `test_in_a_browser.test_from_question_…`, `tests/browser/test_every_page.py` |
| 27 | themes, small phones | `test_in_a_browser.test_the_…`, `tests/browser/test_every_page.py` |
| 28 | addresses that stay | `test_finding.test_an_old_address_leads_to_the_new_one_in_one_step` |
| 29 | formulas | `test_in_a_browser.test_fifty_formulas_…` |
| 30 | pictures | `test_in_a_browser.test_three_pictures_…`, `test_texts.test_a_picture_loses_…` |
| 31 | everything by program | `test_questions.test_a_program_asks_edits_votes_and_accepts` |
| 32 | how many requests are left | `test_limits` |
| 33 | feeds | `test_finding.test_a_search_has_a_feed_and_private_feeds_want_a_key` |
| 34 | search engines | `test_finding.test_search_engines_read_the_accepted_answer_…` |
| 35 | other providers | `test_accounts.test_an_equal_address_at_another_provider_joins_nobody` |
| 37 | a copy, and leaving | `test_accounts.test_a_copy_holds_what_one_wrote_…` |
| 38 | suggested edits | `test_questions.test_a_strangers_edit_waits_…` |
| 39 | webhooks | `test_news.test_a_webhook_is_signed_…`, `tests/webhooks/test_rooms.py` |
"""
