Feature: What a client of OpenFeature gets from our flags

  Written for this package, in the sentences of OpenFeature's specification, so that its own files run with the same steps.

  Background:
    Given a stable provider

  Scenario Outline: Every kind of value, with its variant and its reason
    Given a <kind>-flag with key "<key>" and a default value "<default>"
    When the flag was evaluated with details
    Then the flag key should be "<key>"
    And the resolved details value should be "<value>"
    And the variant should be "<variant>"
    And the reason should be "STATIC"

    Examples: Values that count as true
      | kind    | key          | default | value                                                                         | variant  |
      | boolean | boolean-flag | false   | true                                                                          | on       |
      | string  | string-flag  | bye     | hi                                                                            | greeting |
      | integer | integer-flag | 1       | 10                                                                            | ten      |
      | float   | float-flag   | 0.1     | 0.5                                                                           | half     |
      | object  | object-flag  | {}      | {"showImages": true, "title": "Check out these pics!", "imagesPerPage": 100} | template |

    Examples: Values that count as false are values all the same
      | kind    | key               | default  | value | variant |
      | boolean | boolean-zero-flag | true     | false | zero    |
      | string  | string-zero-flag  | hi       |       | zero    |
      | integer | integer-zero-flag | 1        | 0     | zero    |
      | float   | float-zero-flag   | 0.1      | 0.0   | zero    |
      | object  | object-zero-flag  | {"a": 1} | {}    | zero    |

  Scenario Outline: The value alone, in the sentences of the older suite
    When an <kind> flag with key "<key>" is evaluated with default value <default>
    Then the resolved <kind> value should be <value>

    Examples:
      | kind    | key          | default | value |
      | boolean | boolean-flag | "false" | "true" |
      | string  | string-flag  | "hello" | "hi"  |
      | integer | integer-flag | 3       | 10    |
      | float   | float-flag   | 0.25    | 0.5   |

  Scenario: A structure alone
    When an object flag with key "object-flag" is evaluated with a null default value
    Then the resolved object value should be contain fields "showImages", "title", and "imagesPerPage", with values "true", "Check out these pics!" and 100, respectively

  Scenario: With and without what the rule reads
    When context contains keys "name", "city", "age", "customer" with values "Ada", "London", 36, "false"
    And a flag with key "context-aware" is evaluated with default value "none"
    Then the resolved string response should be "INTERNAL"
    And the resolved flag value is "EXTERNAL" when the context is empty

  Scenario Outline: A rule that reads what the caller added
    Given a <kind>-flag with key "<key>" and a default value "<default>"
    And a context containing a key "email", with type "string" and with value "<email>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"
    And the reason should be "<reason>"

    Examples:
      | kind    | key                        | default  | email                 | value | reason          |
      | boolean | boolean-targeted-zero-flag | true     | ballmer@macrosoft.com | false | TARGETING_MATCH |
      | boolean | boolean-targeted-zero-flag | true     | ada@example.com       | false | DEFAULT         |
      | string  | string-targeted-zero-flag  | hi       | ballmer@macrosoft.com |       | TARGETING_MATCH |
      | string  | string-targeted-zero-flag  | hi       | ada@example.com       |       | DEFAULT         |
      | integer | integer-targeted-zero-flag | 1        | ballmer@macrosoft.com | 0     | TARGETING_MATCH |
      | integer | integer-targeted-zero-flag | 1        | ada@example.com       | 0     | DEFAULT         |
      | float   | float-targeted-zero-flag   | 0.1      | ballmer@macrosoft.com | 0.0   | TARGETING_MATCH |
      | float   | float-targeted-zero-flag   | 0.1      | ada@example.com       | 0.0   | DEFAULT         |
      | object  | object-targeted-zero-flag  | {"a": 1} | ballmer@macrosoft.com | {}    | TARGETING_MATCH |
      | object  | object-targeted-zero-flag  | {"a": 1} | ada@example.com       | {}    | DEFAULT         |

  Scenario Outline: Nothing matches no rule
    Given a <kind>-flag with key "<kind>-targeted-zero-flag" and a default value "<default>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"
    And the reason should be "DEFAULT"

    Examples:
      | kind    | default  | value |
      | boolean | true     | false |
      | string  | hi       |       |
      | integer | 1        | 0     |
      | float   | 0.1      | 0.0   |
      | object  | {"a": 1} | {}    |

  Scenario Outline: A null matches no rule
    Given a <kind>-flag with key "<kind>-targeted-zero-flag" and a default value "<default>"
    And a context containing a key "email" with null value
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"
    And the reason should be "DEFAULT"

    Examples:
      | kind    | default  | value |
      | boolean | true     | false |
      | string  | hi       |       |
      | integer | 1        | 0     |
      | float   | 0.1      | 0.0   |
      | object  | {"a": 1} | {}    |

  Scenario: Another attribute than the rule asks for matches nothing
    Given a boolean-flag with key "boolean-targeted-zero-flag" and a default value "true"
    And a context containing a key "name", with type "string" and with value "Ballmer"
    When the flag was evaluated with details
    Then the resolved details value should be "false"
    And the reason should be "DEFAULT"

  Scenario Outline: Several attributes at once, all of which must be met
    Given a string-flag with key "complex-targeted" and a default value "none"
    And a context containing a key "email", with type "string" and with value "<email>"
    And a context containing a key "age", with type "integer" and with value "<age>"
    And a context containing a key "customer", with type "boolean" and with value "<customer>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"
    And the reason should be "<reason>"

    Examples:
      | email                 | age | customer | value    | reason          |
      | ballmer@macrosoft.com | 11  | false    | INTERNAL | TARGETING_MATCH |
      | grace@example.com     | 11  | false    | EXTERNAL | DEFAULT         |
      | ballmer@macrosoft.com | 10  | false    | EXTERNAL | DEFAULT         |
      | ballmer@macrosoft.com | 11  | true     | EXTERNAL | DEFAULT         |

  Scenario Outline: The targeting key is an attribute like others
    Given a string-flag with key "targeting-key-flag" and a default value "none"
    And a context containing a targeting key with value "<key>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"
    And the reason should be "<reason>"
    And the error-code should be ""
    And the error message should be empty

    Examples:
      | key                                  | value | reason          |
      | 5c3d8535-f81a-4478-a6d3-afaa4d51199e | hit   | TARGETING_MATCH |
      | ada                                  | miss  | DEFAULT         |

  Scenario Outline: Numbers are told as they are
    Given an integer-flag with key "<key>" and a default value "3"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"
    And the variant should be "<variant>"

    Examples:
      | key                 | value            | variant   |
      | large-integer-flag  | 2147483647       | max-int32 |
      | huge-integer-flag   | 9007199254740991 | max-safe  |
      | integral-float-flag | 10               | ten       |

  Scenario: A structure, member by member
    Given an object-flag with key "object-flag" and a default value "{}"
    When the flag was evaluated with details
    Then the resolved object value should contain
      | key           | type    | value |
      | showImages    | boolean | true  |
      | imagesPerPage | integer | 100   |
    And no exception should have been thrown

  Scenario Outline: A flag that is switched off serves its own default, whatever its rules and the caller say
    Given a <kind>-flag with key "<key>" and a default value "<default>"
    When the flag was evaluated with details
    Then the resolved details value should be "<value>"
    And the reason should be "DISABLED"
    And the error-code should be ""

    Examples:
      | kind    | key                   | default  | value    |
      | boolean | boolean-disabled-flag | false    | false    |
      | boolean | boolean-disabled-flag | true     | false    |
      | boolean | disabled-boolean-flag | true     | false    |
      | string  | string-disabled-flag  | hello    | bye      |
      | integer | integer-disabled-flag | 3        | 1        |
      | float   | float-disabled-flag   | 0.25     | 0.1      |
      | object  | object-disabled-flag  | {"b": 2} | {"a": 1} |

  Scenario Outline: A flag that is not there
    Given a <kind>-flag with key "nowhere" and a default value "<default>"
    When the flag was evaluated with details
    Then the resolved details value should be "<default>"
    And the reason should be "ERROR"
    And the error-code should be "FLAG_NOT_FOUND"
    And the error message should contain "flag nowhere not found"

    Examples:
      | kind    | default  |
      | boolean | true     |
      | string  | hello    |
      | integer | 3        |
      | float   | 0.25     |
      | object  | {"a": 1} |

  Scenario Outline: A flag of another kind than was asked for
    Given a <kind>-flag with key "<key>" and a default value "<default>"
    When the flag was evaluated with details
    Then the resolved details value should be "<default>"
    And the reason should be "ERROR"
    And the error-code should be "TYPE_MISMATCH"

    Examples:
      | kind    | key          | default  |
      | boolean | string-flag  | true     |
      | boolean | object-flag  | true     |
      | string  | boolean-flag | hello    |
      | string  | integer-flag | hello    |
      | integer | wrong-flag   | 3        |
      | integer | boolean-flag | 3        |
      | integer | string-flag  | 3        |
      | float   | boolean-flag | 0.25     |
      | float   | object-flag  | 0.25     |
      | object  | string-flag  | {"a": 1} |
      | object  | boolean-flag | {"a": 1} |

  Scenario: What the caller passed stays as it was
    Given a boolean-flag with key "boolean-flag" and a default value "false"
    And an evaluation context with modifiable data
    When the flag was evaluated with details
    Then the original evaluation context should remain unmodified
    And the evaluation details should be immutable

  Scenario: The same answer as without OpenFeature
    Given a boolean-flag with key "async-flag" and a default value "false"
    When the flag was evaluated with details asynchronously
    Then the evaluation should complete without blocking
    And the result should be equivalent to synchronous evaluation
