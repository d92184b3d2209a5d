Feature: What hooks see of an evaluation by our provider

  Background:
    Given a stable provider
    And a client with added hook

  Scenario: An answer
    Given a string-flag with key "string-flag" and a default value "bye"
    When the flag was evaluated with details
    Then the "before" hook should have been executed
    And the "after, finally" hooks should be called with evaluation details
      | data_type | key        | value       |
      | string    | flag_key   | string-flag |
      | string    | value      | hi          |
      | string    | variant    | greeting    |
      | string    | reason     | STATIC      |
      | string    | error_code | null        |

  Scenario Outline: A failure
    Given a boolean-flag with key "<key>" and a default value "true"
    When the flag was evaluated with details
    Then the "before" hook should have been executed
    And the "error" hook should have been executed
    And the "finally" hooks should be called with evaluation details
      | data_type | key        | value  |
      | string    | flag_key   | <key>  |
      | boolean   | value      | true   |
      | string    | variant    | null   |
      | string    | reason     | ERROR  |
      | string    | error_code | <code> |

    Examples:
      | key        | code           |
      | nowhere    | FLAG_NOT_FOUND |
      | wrong-flag | TYPE_MISMATCH  |

  Scenario: Hooks of one evaluation, in their order
    Given a boolean-flag with key "boolean-flag" and a default value "false"
    And evaluation options containing specific hooks
    When the flag was evaluated with details using the evaluation options
    Then the specified hooks should execute during evaluation
    And the hook order should be maintained
