Feature: The life of our provider

  Scenario Outline: The state of the instance is the provider's
    Given a <state> provider
    Then the provider status should be "<status>"

    Examples:
      | state     | status    |
      | stable    | READY     |
      | not ready | NOT_READY |
      | error     | ERROR     |
      | fatal     | FATAL     |
      | stale     | STALE     |

  Scenario Outline: Nothing is asked of an instance that can not answer
    Given a <state> provider
    And a <kind>-flag with key "<kind>-flag" and a default value "<default>"
    When the flag was evaluated with details
    Then the resolved details value should be "<default>"
    And the reason should be "ERROR"
    And the error-code should be "<code>"

    Examples:
      | state     | kind    | default  | code               |
      | not ready | boolean | false    | PROVIDER_NOT_READY |
      | not ready | string  | hello    | PROVIDER_NOT_READY |
      | not ready | integer | 3        | PROVIDER_NOT_READY |
      | not ready | float   | 0.25     | PROVIDER_NOT_READY |
      | not ready | object  | {"a": 1} | PROVIDER_NOT_READY |
      | fatal     | boolean | false    | PROVIDER_FATAL     |
      | fatal     | string  | hello    | PROVIDER_FATAL     |
      | fatal     | integer | 3        | PROVIDER_FATAL     |
      | fatal     | float   | 0.25     | PROVIDER_FATAL     |
      | fatal     | object  | {"a": 1} | PROVIDER_FATAL     |

  Scenario: What is known goes on being served while it can not be confirmed
    Given a stale provider
    And a boolean-flag with key "boolean-flag" and a default value "false"
    When the flag was evaluated with details
    Then the resolved details value should be "true"

  Scenario: It is ready once the instance is
    Given a provider which supports events and requires initialization
    When a PROVIDER_READY handler is attached
    And the provider is set and successfully initialized
    Then the PROVIDER_READY handler must run

  Scenario: It fails as the instance does
    Given a provider which supports events and requires initialization
    When a PROVIDER_ERROR handler is attached
    And the provider is set and fails to initialize
    Then the PROVIDER_ERROR handler must run

  Scenario: It tells which flags were changed at run time
    Given a provider which supports events and requires initialization
    When a PROVIDER_CONFIGURATION_CHANGED handler is attached
    And a flag with key "changing-flag" is modified
    Then the PROVIDER_CONFIGURATION_CHANGED handler must run
    And the event details must indicate "changing-flag" was altered

  Scenario: What was changed is served from then on
    Given a string-flag with key "changing-flag" and a default value "none"
    And a stable provider
    When the flag was evaluated with details
    Then the resolved value is remembered
    Given a change event handler
    When the flag was modified
    Then the change event handler should have been executed
    And the flag should be part of the event payload
    When the flag was evaluated with details
    Then the resolved details value should have changed
    And the reason should be "STATIC"

  Scenario: It is stale as long as the instance is
    Given a stable provider
    And a stale event handler
    When the connection is lost
    Then a stale event was fired
    And the client should be in stale state
    Given a ready event handler
    When the connection is restored
    Then a ready event was fired
    And the client should be in ready state

  Scenario: Without a database it answers with defaults
    Given an unavailable provider
    And an error event handler
    And a boolean-flag with key "boolean-flag" and a default value "false"
    Then the error event handler should have been executed within 1000ms
    And the client should be in error state
    When the flag was evaluated with details
    Then the resolved details value should be "false"
    And the error-code should be "INVALID_CONTEXT"
    When the provider is shut down
    Then the shutdown should have completed within 1000ms

  Scenario: Once shut down it can be shut down again, and be opened again
    Given a stable provider
    And a boolean-flag with key "boolean-flag" and a default value "false"
    When the provider is shut down
    And the provider is shut down
    And the provider is initialized again
    And the flag was evaluated with details
    Then the resolved details value should be "true"
    And the provider metadata name should not be empty

  Scenario: A tracked event is usage of the meter of its name
    Given a provider is registered
    When an event was tracked with tracking event name "the-event"
    Then the tracking provider should have been called with event name "the-event"

  Scenario: An event without a meter is none of ours
    Given a provider is registered
    When an event was tracked with tracking event name "another-event"
    Then nothing should have been tracked
